//! The examples of RFC 8428, its rules one by one, what the drafts had, and that no bytes do harm.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use minicbor::Encoder;
use proptest::prelude::*;
use senml::{
    Error, Fault, MAX_NAME, MAX_RECORDS, Record, Value, decode_cbor, decode_json, encode_json,
    flatten_json,
};

const NOW: f64 = 1_700_000_000.0;

fn json(pack: &str) -> Vec<Record> {
    decode_json(pack.as_bytes(), NOW).unwrap()
}

fn fault(pack: &str) -> Fault {
    match decode_json(pack.as_bytes(), NOW) {
        Err(Error::Record { fault, .. }) => fault,
        other => panic!("{pack}: {other:?}"),
    }
}

fn number(name: &str, unit: Option<&str>, value: f64, time: f64) -> Record {
    Record {
        name: name.to_owned(),
        unit: unit.map(str::to_owned),
        value: Some(Value::Number(value)),
        sum: None,
        time,
        update_time: None,
        link: None,
    }
}

/// Section 5.1.2: voltage, and current at each second of the last six.
fn currents() -> Vec<Record> {
    let bt = 1_276_020_076.001;
    let mut expected = vec![number(
        "urn:dev:ow:10e2073a0108006:voltage",
        Some("V"),
        120.1,
        bt,
    )];
    for (t, v) in [
        (-5, 1.2),
        (-4, 1.3),
        (-3, 1.4),
        (-2, 1.5),
        (-1, 1.6),
        (0, 1.7),
    ] {
        let time = bt + f64::from(t);
        expected.push(number(
            "urn:dev:ow:10e2073a0108006:current",
            Some("A"),
            v,
            time,
        ));
    }
    expected
}

#[test]
fn rfc_a_single_data_point_and_several_are_of_now() {
    assert_eq!(
        json(r#"[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]"#),
        [number(
            "urn:dev:ow:10e2073a01080063",
            Some("Cel"),
            23.1,
            NOW
        )]
    );
    let pack = r#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},
        {"n":"current","u":"A","v":1.2}]"#;
    assert_eq!(
        json(pack),
        [
            number("urn:dev:ow:10e2073a01080063:voltage", Some("V"), 120.1, NOW),
            number("urn:dev:ow:10e2073a01080063:current", Some("A"), 1.2, NOW),
        ]
    );
}

#[test]
fn rfc_times_are_relative_to_the_base_and_json_and_cbor_say_the_same() {
    let pack = r#"[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
        {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","t":-3,"v":1.4},
        {"n":"current","t":-2,"v":1.5},{"n":"current","t":-1,"v":1.6},{"n":"current","v":1.7}]"#;
    assert_eq!(json(pack), currents());
    let cbor = "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c74616765016156
        02fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd
        a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e7406
        2002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333";
    assert_eq!(decode_cbor(&hex(cbor), NOW).unwrap(), currents());
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn rfc_measurements_of_one_device_inherit_its_name_time_and_unit() {
    let pack = r#"[{"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},
        {"u":"lon","v":24.30621},{"u":"lat","v":60.07965},{"t":60,"v":20.3},{"u":"%EL","t":150,"v":98}]"#;
    let (name, bt) = ("urn:dev:ow:10e2073a01080063", 1_320_067_464.0);
    assert_eq!(
        json(pack),
        [
            number(name, Some("%RH"), 20.0, bt),
            number(name, Some("lon"), 24.30621, bt),
            number(name, Some("lat"), 60.07965, bt),
            number(name, Some("%RH"), 20.3, bt + 60.0),
            number(name, Some("%EL"), 98.0, bt + 150.0),
        ]
    );
}

#[test]
fn rfc_every_type_of_value() {
    let pack = r#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},
        {"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}]"#;
    let values: Vec<_> = json(pack).into_iter().map(|record| record.value).collect();
    assert_eq!(
        values,
        [
            Some(Value::Number(23.1)),
            Some(Value::Text("Machine Room".to_owned())),
            Some(Value::Bool(false)),
            Some(Value::Data("aGkgCg".to_owned())),
        ]
    );
}

#[test]
fn rfc_a_base_name_is_replaced_while_the_base_time_goes_on() {
    let pack = r#"[{"bn":"2001:db8::2/","bt":1.320078429e+09,"n":"temperature","u":"Cel","v":25.2},
        {"n":"humidity","u":"%RH","v":30},{"bn":"2001:db8::1/","n":"temperature","u":"Cel","v":12.3},
        {"n":"humidity","u":"%RH","v":67}]"#;
    let bt = 1_320_078_429.0;
    assert_eq!(
        json(pack)[3],
        number("2001:db8::1/humidity", Some("%RH"), 67.0, bt)
    );
}

#[test]
fn rfc_an_actuator_is_set_by_records_after_one_with_only_a_base_name() {
    let pack = r#"[{"bn":"urn:dev:ow:10e2073a01080063:"},{"n":"temp","u":"Cel","v":23.1},
        {"n":"heat","u":"/","v":1},{"n":"fan","u":"/","v":0}]"#;
    let names: Vec<_> = json(pack).into_iter().map(|record| record.name).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(names[2], "urn:dev:ow:10e2073a01080063:fan");
    let later = r#"[{"bt":1.320078429e+09,"bu":"/","n":"2001:db8::3","v":0.5},{"n":"2001:db8::4","t":0.1,"v":0}]"#;
    assert_eq!(
        json(later)[1],
        number("2001:db8::4", Some("/"), 0.0, 1_320_078_429.1)
    );
}

#[test]
fn base_value_and_base_sum_are_added() {
    let pack = r#"[{"bn":"m","bv":100,"bs":10,"v":1,"s":2},{"v":2},{"s":3},{"t":0},{"vb":true}]"#;
    let values: Vec<_> = json(pack)
        .into_iter()
        .map(|record| (record.value, record.sum))
        .collect();
    let number = |value| Some(Value::Number(value));
    assert_eq!(
        values,
        [
            (number(101.0), Some(12.0)),
            (number(102.0), Some(10.0)),
            (None, Some(13.0)),
            (number(100.0), Some(10.0)),
            (Some(Value::Bool(true)), Some(10.0)),
        ]
    );
}

#[test]
fn a_record_with_only_a_sum_is_kept() {
    let records = json(r#"[{"n":"energy","s":5,"ut":60}]"#);
    assert_eq!(
        (records[0].sum, records[0].update_time),
        (Some(5.0), Some(60.0))
    );
}

#[test]
fn small_times_are_relative_and_in_packs_of_drafts_only_those_that_are_not_positive() {
    let time = |pack: &str| json(pack)[0].time;
    assert_eq!(time(r#"[{"n":"a","v":1,"t":5}]"#), NOW + 5.0);
    assert_eq!(time(r#"[{"n":"a","v":1,"t":-5.5}]"#), NOW - 5.5);
    assert_eq!(time(r#"[{"n":"a","v":1,"t":268435456}]"#), 268_435_456.0);
    assert_eq!(time(r#"[{"bver":5,"n":"a","v":1,"t":5}]"#), 5.0);
    assert_eq!(time(r#"[{"bver":5,"n":"a","v":1,"t":-5}]"#), NOW - 5.0);
}

#[test]
fn what_the_drafts_had_and_what_is_unknown_does_not_hurt() {
    let pack = r#"[{"n":"a","v":1,"l":"[{\"href\":\"x\"}]","future":{"x":[1]},"u":null}]"#;
    assert_eq!(json(pack)[0].link.as_deref(), Some(r#"[{"href":"x"}]"#));
}

#[test]
fn each_rule_is_named_when_it_is_broken() {
    for (pack, expected) in [
        (r#"[{"v":1}]"#, Fault::NameMissing),
        (r#"[{"n":"_a","v":1}]"#, Fault::NameCharacter),
        (r#"[{"n":"a b","v":1}]"#, Fault::NameCharacter),
        (r#"[{"n":"ä","v":1}]"#, Fault::NameCharacter),
        (r#"[{"n":"a"}]"#, Fault::ValueMissing),
        (r#"[{"n":"a","v":1,"vs":"x"}]"#, Fault::ValueRepeated),
        (r#"[{"n":"a","v":1e308,"bv":1e308}]"#, Fault::NotFinite),
        (r#"[{"n":"a","v":1,"t":1e300}]"#, Fault::Time),
        (r#"[{"n":"a","v":1,"t":-1e12}]"#, Fault::Time),
        (r#"[{"n":"a","v":1,"bver":11}]"#, Fault::Version(11)),
        (
            r#"[{"n":"a","v":1,"bver":5},{"n":"a","v":1,"bver":10}]"#,
            Fault::VersionChanged,
        ),
        (
            r#"[{"n":"a","v":1,"new_":1}]"#,
            Fault::UnknownField("new_".to_owned()),
        ),
    ] {
        assert_eq!(fault(pack), expected, "{pack}");
    }
    for pack in [
        "",
        "x",
        "{}",
        "[1]",
        "[[]]",
        r#"[{"n":1}]"#,
        r#"[{"n":"a","v":1e999}]"#,
        "[] []",
    ] {
        let error = decode_json(pack.as_bytes(), NOW).unwrap_err();
        assert_eq!(error.code(), "malformed", "{pack}");
    }
    for pack in ["[]", "[{}]", r#"[{"bn":"a"}]"#] {
        assert_eq!(
            decode_json(pack.as_bytes(), NOW),
            Err(Error::Empty),
            "{pack}"
        );
    }
}

#[test]
fn a_small_pack_cannot_become_large() {
    let name = "n".repeat(MAX_NAME);
    let long = format!(r#"[{{"bn":"{name}"}},{{"n":"x","v":1}}]"#);
    assert_eq!(fault(&long), Fault::NameLength);
    let unit = format!(r#"[{{"bu":"{name}","n":"x","v":1}}]"#);
    assert_eq!(fault(&unit), Fault::UnitLength);
    let many = format!(r#"[{{"bn":"a"}}{}]"#, r#",{"v":1}"#.repeat(MAX_RECORDS));
    assert_eq!(
        decode_json(many.as_bytes(), NOW),
        Err(Error::TooManyRecords)
    );
}

#[test]
fn cbor_has_its_own_numbers_and_lengths() {
    // Indefinite lengths, text labels, a decimal fraction of 2731 * 10^-2, bytes, and a label to ignore.
    let pack =
        hex("9f bf 616e 6161 6176 c4 82 21 190aab 646e6f7065 f6 ff a2 00 6162 08 43 010203 ff");
    let records = decode_cbor(&pack, NOW).unwrap();
    assert_eq!(records[0].value, Some(Value::Number(27.31)));
    assert_eq!(records[1].value, Some(Value::Data("AQID".to_owned())));
    for bytes in [
        "",
        "80ff",
        "8100",
        "81a1006161ff",
        "a0",
        "81a200616102fb7ff8000000000000",
    ] {
        assert!(decode_cbor(&hex(bytes), NOW).is_err(), "{bytes}");
    }
    // An announced length is not believed.
    assert!(decode_cbor(&hex("9bffffffffffffffff"), NOW).is_err());
}

#[test]
fn an_object_is_flattened_by_its_paths() {
    let records = flatten_json(
        br#"{"room":{"t":21.5,"on":true},"list":[1,"x",null],"none":null}"#,
        NOW,
    );
    let mut flat: Vec<_> = records
        .unwrap()
        .into_iter()
        .map(|record| (record.name, record.value.unwrap()))
        .collect();
    flat.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        flat,
        [
            ("list/0".to_owned(), Value::Number(1.0)),
            ("list/1".to_owned(), Value::Text("x".to_owned())),
            ("room/on".to_owned(), Value::Bool(true)),
            ("room/t".to_owned(), Value::Number(21.5)),
        ]
    );
    for (bytes, code) in [
        ("[]", "malformed"),
        ("{", "malformed"),
        ("{}", "empty"),
        (r#"{"a":[null]}"#, "empty"),
        (r#"{"":1}"#, "invalid_record"),
    ] {
        assert_eq!(
            flatten_json(bytes.as_bytes(), NOW).unwrap_err().code(),
            code,
            "{bytes}"
        );
    }
}

fn record() -> impl Strategy<Value = Record> {
    let value = prop_oneof![
        (-1e15..1e15).prop_map(Value::Number),
        "\\PC{0,10}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        "[A-Za-z0-9_-]{0,10}".prop_map(Value::Data),
    ];
    let name = "[a-zA-Z0-9][a-zA-Z0-9:./_-]{0,20}";
    let numbers = (proptest::option::of(-1e9..1e9), 3e8..2e9_f64);
    (
        name,
        proptest::option::of("[a-zA-Z%/]{1,5}"),
        value,
        numbers,
    )
        .prop_map(|(name, unit, value, (sum, time))| Record {
            name,
            unit,
            value: Some(value),
            sum,
            time,
            update_time: None,
            link: None,
        })
}

fn cbor(records: &[Record]) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    out.array(records.len() as u64).unwrap();
    for record in records {
        let optional = [record.unit.is_some(), record.sum.is_some()];
        let count = 3 + optional.iter().filter(|there| **there).count();
        out.map(count as u64).unwrap();
        out.i64(0).unwrap().str(&record.name).unwrap();
        out.i64(6).unwrap().f64(record.time).unwrap();
        if let Some(unit) = &record.unit {
            out.i64(1).unwrap().str(unit).unwrap();
        }
        if let Some(sum) = record.sum {
            out.i64(5).unwrap().f64(sum).unwrap();
        }
        match record.value.as_ref().unwrap() {
            Value::Number(number) => out.i64(2).unwrap().f64(*number),
            Value::Text(text) => out.i64(3).unwrap().str(text),
            Value::Bool(value) => out.i64(4).unwrap().bool(*value),
            Value::Data(data) => out.i64(8).unwrap().str(data),
        }
        .unwrap();
    }
    out.into_writer()
}

proptest! {
    #[test]
    fn resolved_records_come_back_from_json_and_cbor(records in proptest::collection::vec(record(), 1..8)) {
        prop_assert_eq!(&decode_json(&encode_json(&records), NOW).unwrap(), &records);
        prop_assert_eq!(&decode_cbor(&cbor(&records), NOW).unwrap(), &records);
    }

    #[test]
    fn whatever_is_accepted_is_within_bounds(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        text in r#"\[(\{"(n|bn|t|bt|v|bv|s|bs|u|x_)":("[a-z:]{0,3}"|-?[0-9]{1,12}e?)[,}]{1,2}){0,4}\]?"#,
    ) {
        for result in [
            decode_json(&bytes, NOW),
            decode_cbor(&bytes, NOW),
            decode_json(text.as_bytes(), NOW),
            decode_cbor(text.as_bytes(), NOW),
            flatten_json(text.as_bytes(), NOW),
        ] {
            for record in result.unwrap_or_default() {
                prop_assert!(!record.name.is_empty() && record.name.len() <= MAX_NAME);
                prop_assert!(record.time.is_finite() && record.time >= 0.0);
                prop_assert!(record.value.is_some() || record.sum.is_some());
            }
        }
    }
}
