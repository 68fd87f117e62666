//! What a guide has to type, and what it says is printed then.

/// Stands in a line of a guide for what differs each time.
const ELLIPSIS: char = '…';

/// Types what a text has to type, block by block, by `run`, which returns what was printed. A block of the language `text`
/// after one that was typed is what that one prints.
pub fn follow(page: &str, text: &str, run: impl Fn(&str) -> String) {
    let mut typed = 0;
    let mut printed = None;
    for block in text.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap_or((block, ""));
        let script = match language {
            "sh" if ["kubectl ", "helm "].iter().any(|program| text.contains(program)) => text.to_owned(),
            // A part of an object is for reading.
            "yaml" if text.contains("apiVersion:") => format!("kubectl apply -f - <<'END'\n{text}END\n"),
            "text" => {
                let printed: String = printed
                    .take()
                    .expect("a block that was typed is before one of text");
                assert!(
                    is_shown(text, &printed),
                    "{page} says\n{text}\nand it is\n{printed}"
                );
                continue;
            }
            _ => {
                printed = None;
                continue;
            }
        };
        printed = Some(run(&script));
        typed += 1;
    }
    assert!(typed > 0, "{page} has nothing to type");
}

/// Whether a text is what was printed, but for the width of columns. A line that is an ellipsis stands for any lines.
fn is_shown(text: &str, printed: &str) -> bool {
    stand_for(&lines(text), &lines(printed))
}

fn stand_for(text: &[String], printed: &[String]) -> bool {
    match text.split_first() {
        None => printed.is_empty(),
        Some((line, after)) if line.chars().eq([ELLIPSIS]) => {
            (0..=printed.len()).any(|left_out| stand_for(after, &printed[left_out..]))
        }
        Some((line, after)) => match printed.split_first() {
            Some((said, rest)) => fits(line, said) && stand_for(after, rest),
            None => false,
        },
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

/// Whether a line is as another, in which an ellipsis stands for any words.
fn fits(line: &str, said: &str) -> bool {
    let Some((before, after)) = line.split_once(ELLIPSIS) else {
        return line == said;
    };
    said.strip_prefix(before).is_some_and(|rest| {
        let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.any(|at| fits(after, &rest[at..]))
    })
}
