use super::table::CAPACITY;
use super::*;

const WINDOW: Duration = Duration::from_secs(60);

fn attempts(per_account: u32, per_address: u32) -> Attempts {
    Attempts::new(AttemptLimits {
        per_account,
        per_address,
        window: WINDOW,
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

fn email(number: usize) -> Email {
    format!("user{number}@example.com").parse().unwrap()
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

#[test]
fn w12_an_account_has_so_many_attempts_whoever_makes_them() {
    let attempts = attempts(3, 0);
    for number in 0..3 {
        attempts.begin(&email(1), address(number), at(0)).unwrap();
    }
    assert!(attempts.begin(&email(1), address(9), at(1)).is_err());
    assert!(attempts.begin(&email(2), address(9), at(1)).is_ok());
}

#[test]
fn w12_nobody_is_locked_out_of_an_account_by_strangers() {
    let attempts = attempts(3, 0);
    let (owner, stranger) = (address(1), address(2));
    let begin = |from, seconds| attempts.begin(&email(1), from, at(seconds));
    begin(owner, 0).unwrap().succeed(&attempts, at(0));
    while begin(stranger, 1).is_ok() {}
    begin(owner, 2).unwrap().succeed(&attempts, at(2));
    assert!(
        begin(address(3), 2).is_err(),
        "who is unknown may be anybody"
    );
    for _ in 0..3 {
        begin(owner, 3).unwrap();
    }
    assert!(
        begin(owner, 3).is_err(),
        "a known address may not guess either"
    );
    assert!(
        attempts.begin(&email(2), owner, at(3)).is_ok(),
        "it is known to one account, and to others like any"
    );
}

#[test]
fn an_address_is_known_for_a_week_after_the_last_login() {
    let attempts = attempts(1, 0);
    let days = |days: i64| at(days * 24 * 60 * 60);
    let begin = |from, when| attempts.begin(&email(1), address(from), when);
    for day in [0, 5, 10] {
        begin(1, days(day)).unwrap().succeed(&attempts, days(day));
    }
    begin(2, days(17)).unwrap();
    begin(1, days(17)).unwrap().succeed(&attempts, days(17));
    begin(2, days(40)).unwrap();
    assert!(begin(1, days(40)).is_err());
}

#[test]
fn w12_an_address_has_so_many_attempts_whatever_it_tries() {
    let attempts = attempts(0, 3);
    for number in 0..3 {
        attempts.begin(&email(number), address(1), at(0)).unwrap();
    }
    assert!(attempts.begin(&email(9), address(1), at(1)).is_err());
    assert!(attempts.begin(&email(9), address(2), at(1)).is_ok());
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    assert!(attempts.begin(&email(9), mapped, at(1)).is_err());
}

#[test]
fn neighbours_of_one_ipv6_network_are_one() {
    let attempts = attempts(0, 1);
    let parse = |text: &str| text.parse().unwrap();
    attempts
        .begin(&email(1), parse("2001:db8:0:1::1"), at(0))
        .unwrap();
    assert!(
        attempts
            .begin(&email(1), parse("2001:db8:0:1:ffff::2"), at(0))
            .is_err()
    );
    assert!(
        attempts
            .begin(&email(1), parse("2001:db8:0:2::1"), at(0))
            .is_ok()
    );
}

#[test]
fn success_is_forgiven() {
    let attempts = attempts(2, 2);
    for _ in 0..10 {
        let attempt = attempts.begin(&email(1), address(1), at(0)).unwrap();
        attempt.forgive(&attempts);
    }
    assert!(attempts.tables.lock().failed.current.is_empty());
    let early = attempts.begin(&email(1), address(1), at(0)).unwrap();
    attempts.begin(&email(1), address(1), at(61)).unwrap();
    early.forgive(&attempts);
    let tables = attempts.tables.lock();
    assert!(
        tables.failed.current.is_empty(),
        "it does not matter which of two"
    );
}

#[test]
fn the_window_slides() {
    let attempts = attempts(4, 0);
    let begin = |seconds| attempts.begin(&email(1), address(1), at(seconds)).is_ok();
    for seconds in [0, 10, 20, 30] {
        assert!(begin(seconds));
    }
    assert!(!begin(59));
    assert!(!begin(60), "the last window still counts in full");
    assert!(begin(76), "a quarter of it is forgotten");
    assert!(!begin(76));
    assert!(begin(300), "all of it is forgotten");
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let attempts = attempts(1, 0);
    attempts.begin(&email(1), address(1), at(50)).unwrap();
    assert!(attempts.begin(&email(1), address(1), at(0)).is_err());
    assert!(attempts.begin(&email(2), address(1), at(0)).is_ok());
}

#[test]
fn a_flood_of_names_takes_bounded_memory_and_hides_no_failure() {
    let attempts = attempts(1, 0);
    attempts.begin(&email(0), address(1), at(0)).unwrap();
    for number in 1..=CAPACITY {
        attempts.begin(&email(number), address(1), at(0)).unwrap();
        let login = attempts
            .begin(&email(2 * CAPACITY + number), address(2), at(0))
            .unwrap();
        login.succeed(&attempts, at(0));
    }
    {
        let tables = attempts.tables.lock();
        let (failed, known) = (&tables.failed, &tables.known);
        assert!(failed.current.len() + failed.previous.len() <= 2 * CAPACITY);
        assert!(known.current.len() + known.previous.len() <= 2 * CAPACITY);
    }
    assert!(attempts.begin(&email(0), address(1), at(0)).is_err());
}
