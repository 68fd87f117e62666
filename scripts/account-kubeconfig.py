#!/usr/bin/env python3
"""Reads a kubeconfig as JSON, and prints it with another user: the one the token in the environment stands for.

usage: kubectl config view --raw --minify --flatten -o json | TOKEN=… account-kubeconfig.py
"""
import json
import os
import sys

config = json.load(sys.stdin)
for user in config["users"]:
    user["user"] = {"token": os.environ["TOKEN"]}
json.dump(config, sys.stdout, indent=1)
