//! How an object is made small: as JSON, and of that only what it does not have in common with another one of its kind.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::locked;

/// Objects of a kind come in a few sorts: the ConfigMaps of a store, the Services.
const SORTS: usize = 6;
/// What takes more than this part of its JSON does not resemble the model.
const RESEMBLES: usize = 3;

/// An object's way to JSON and back.
pub(super) struct Packing<K> {
    pub(super) pack: fn(&K) -> Option<Vec<u8>>,
    pub(super) unpack: fn(&[u8]) -> Option<K>,
}

impl<K> Clone for Packing<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Packing<K> {}

impl<K: Serialize + DeserializeOwned> Packing<K> {
    /// As serde has it.
    pub(super) fn json() -> Self {
        Self {
            pack: |object| serde_json::to_vec(object).ok(),
            unpack: |bytes| serde_json::from_slice(bytes).ok(),
        }
    }
}

/// A text, told by how it differs from another one.
#[derive(Clone)]
pub(super) struct Packed {
    model: Arc<[u8]>,
    rest: Arc<[u8]>,
}

impl Packed {
    fn of(text: &[u8], model: &Arc<[u8]>) -> Self {
        Self {
            model: model.clone(),
            rest: compress_prepend_size_with_dict(text, model).into(),
        }
    }

    /// The text; none if it cannot be made again.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        decompress_size_prepended_with_dict(&self.rest, &self.model).ok()
    }
}

/// Texts that the next ones may resemble, the last one that was of use first. Each lives on for as long as one that is
/// told by it.
#[derive(Default)]
pub(super) struct Models {
    known: Mutex<VecDeque<Arc<[u8]>>>,
}

impl Models {
    pub(super) fn pack(&self, text: &[u8]) -> Packed {
        let mut known = locked(&self.known);
        let resembling = known.iter().enumerate().find_map(|(at, model)| {
            let packed = Packed::of(text, model);
            (packed.rest.len() * RESEMBLES <= text.len()).then_some((at, packed))
        });
        if let Some((at, packed)) = resembling {
            if let Some(model) = known.remove(at) {
                known.push_front(model);
            }
            return packed;
        }
        let model: Arc<[u8]> = text.into();
        known.push_front(model.clone());
        known.truncate(SORTS);
        Packed::of(text, &model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of its sort, as different from the others of it as an object is.
    fn text(sort: usize, number: usize) -> Vec<u8> {
        let words: String = (0..100)
            .map(|word| format!("{} ", (sort + 1) * 7919 * (word + 1) % 10007))
            .collect();
        format!("name-{number} {words} uid-{}", number * 31).into_bytes()
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        let models = Models::default();
        let mut texts: Vec<_> = (0..40).map(|number| text(number % 8, number)).collect();
        texts.extend([vec![], b"a".to_vec(), vec![0; 100_000], text(0, 0).repeat(200)]);
        let packed: Vec<_> = texts.iter().map(|text| models.pack(text)).collect();
        for (text, packed) in texts.iter().zip(&packed) {
            assert_eq!(packed.text().as_ref(), Some(text));
        }
    }

    #[test]
    fn texts_of_a_few_sorts_in_turn_take_a_small_part() {
        let models = Models::default();
        let texts: Vec<_> = (0..300).map(|number| text(number % SORTS, number)).collect();
        let packed: Vec<_> = texts.iter().map(|text| models.pack(text)).collect();
        let whole: usize = texts.iter().map(Vec::len).sum();
        let rests: usize = packed.iter().map(|packed| packed.rest.len()).sum();
        assert!(rests * 8 < whole, "{rests} of {whole}");
        let mut own: Vec<_> = packed.iter().map(|packed| packed.model.as_ptr()).collect();
        own.sort();
        own.dedup();
        assert_eq!(own.len(), SORTS, "one model for each sort");
    }

    #[test]
    fn what_cannot_be_made_again_is_said() {
        let mut packed = Models::default().pack(&text(0, 0));
        packed.model = text(1, 0)[..10].into();
        assert_eq!(packed.text(), None);
    }
}
