//! Subtopics as each protocol writes them: what is accepted is a name that the bus can carry, and reads as the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Subtopic, TopicError};

fuzz_target!(|text: &str| {
    if let Ok(subtopic) = Subtopic::from_mqtt(text) {
        assert!(!subtopic.is_wildcard(), "a name on MQTT has no wildcard");
        check(&subtopic);
    }
    for subtopic in [Subtopic::from_path(text), Subtopic::from_levels(text)]
        .into_iter()
        .flatten()
    {
        check(&subtopic);
        let pattern = subtopic.clone();
        match subtopic.into_target() {
            Ok(target) => {
                assert!(!target.is_wildcard(), "a target is a name");
                assert!(pattern.matches(&target));
                check(&target);
            }
            Err(error) => assert_eq!(error, TopicError::Length),
        }
    }
});

fn check(subtopic: &Subtopic) {
    let dotted = subtopic.as_str();
    assert!(!dotted.contains(|c: char| c.is_control() || c.is_whitespace() || c == '/'));
    assert_eq!(Subtopic::from_levels(dotted).as_ref(), Ok(subtopic));
}
