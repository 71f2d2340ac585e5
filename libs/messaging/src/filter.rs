use model::{ChannelId, Subtopic};
use proto::Event;

use crate::record::RecordFilter;
use crate::{Message, Record};

/// A choice among messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every message of every channel.
    All,
    /// Every message of a channel, with or without a subtopic.
    Channel(ChannelId),
    /// The messages of a channel whose subtopic matches the pattern; an empty pattern is the channel itself.
    Subtopic(ChannelId, Subtopic),
}

impl RecordFilter<Message> for Filter {
    fn key(&self) -> Option<ChannelId> {
        match self {
            Self::All => None,
            Self::Channel(channel) | Self::Subtopic(channel, _) => Some(*channel),
        }
    }

    fn of_key(channel: ChannelId) -> Self {
        Self::Channel(channel)
    }

    fn matches(&self, message: &Message) -> bool {
        match self {
            Self::All => true,
            Self::Channel(channel) => message.channel == *channel,
            Self::Subtopic(channel, pattern) => {
                message.channel == *channel && pattern.matches(&message.subtopic)
            }
        }
    }

    fn subjects(&self) -> Vec<String> {
        match self {
            Self::All => vec![Message::SUBJECTS.to_owned()],
            Self::Channel(channel) => {
                vec![format!("channel.{channel}"), format!("channel.{channel}.>")]
            }
            Self::Subtopic(channel, pattern) if pattern.is_empty() => {
                vec![format!("channel.{channel}")]
            }
            Self::Subtopic(channel, pattern) => vec![format!("channel.{channel}.{pattern}")],
        }
    }

    fn from_subjects(subjects: &[String]) -> Option<Self> {
        let first = subjects.first()?;
        if first == Message::SUBJECTS {
            return Some(Self::All);
        }
        let rest = first.strip_prefix("channel.")?;
        let (channel, pattern) = rest.split_once('.').unwrap_or((rest, ""));
        let channel = channel.parse().ok()?;
        if subjects.len() == 2 {
            return Some(Self::Channel(channel));
        }
        Subtopic::from_levels(pattern)
            .ok()
            .map(|pattern| Self::Subtopic(channel, pattern))
    }
}

/// The only choice among events: all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllEvents;

impl RecordFilter<Event> for AllEvents {
    fn key(&self) -> Option<()> {
        Some(())
    }

    fn of_key(_: ()) -> Self {
        Self
    }

    fn matches(&self, _: &Event) -> bool {
        true
    }

    fn subjects(&self) -> Vec<String> {
        vec![Event::SUBJECTS.to_owned()]
    }

    fn from_subjects(subjects: &[String]) -> Option<Self> {
        (subjects == [Event::SUBJECTS]).then_some(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subjects_stand_for_the_filter() {
        let channel = ChannelId::random();
        let pattern = |text: &str| Filter::Subtopic(channel, Subtopic::from_levels(text).unwrap());
        for filter in [
            Filter::All,
            Filter::Channel(channel),
            pattern(""),
            pattern(">"),
            pattern("a.*.b"),
        ] {
            assert_eq!(Filter::from_subjects(&filter.subjects()), Some(filter));
        }
        assert_eq!(
            AllEvents::from_subjects(&AllEvents.subjects()),
            Some(AllEvents)
        );
        assert_eq!(Filter::from_subjects(&AllEvents.subjects()), None);
        assert_eq!(Filter::from_subjects(&[]), None);
    }
}
