use super::*;

fn secret(text: &str) -> Vec<SecretString> {
    vec![SecretString::from(text.to_owned())]
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().copied().collect()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

fn hex_of(secret: &str, message: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    HEXLOWER_PERMISSIVE.encode(&mac.finalize().into_bytes())
}

const NOW: i64 = 1_763_880_000_000;

/// docs.github.com, “Validating webhook deliveries”.
#[test]
fn githubs_published_example_is_genuine_and_each_change_of_it_is_not() {
    let key = secret("It's a Secret to Everybody");
    let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let check = |key: &[SecretString], value: &str, body: &str| {
        let headers = headers(&[("X-Hub-Signature-256", value)]);
        super::check(&Signature::Github, key, &headers, body.as_bytes(), at(NOW))
    };
    assert_eq!(check(&key, good, "Hello, World!"), Ok(()));
    assert_eq!(check(&key, &good.to_uppercase().replace("SHA256=", "sha256="), "Hello, World!"), Ok(()));
    assert_eq!(check(&key, good, "Hello, World"), Err(Refused::Wrong));
    assert_eq!(check(&secret("It's a secret to Everybody"), good, "Hello, World!"), Err(Refused::Wrong));
    for wrong in ["", "sha256=", "sha256=zz", &good[..70], "sha1=757107ea", &good.replace("75", "76")] {
        assert_eq!(check(&key, wrong, "Hello, World!"), Err(Refused::Wrong), "{wrong}");
    }
    assert_eq!(
        super::check(&Signature::Github, &key, &Headers::default(), b"", at(NOW)),
        Err(Refused::Unsigned)
    );
    for none in [Vec::new(), secret("")] {
        assert_eq!(check(&none, good, "Hello, World!"), Err(Refused::NoSecret));
    }
}

#[test]
fn with_two_secrets_either_is_good() {
    let signed = format!("sha256={}", hex_of("new", b"x"));
    let headers = headers(&[("x-hub-signature-256", &signed)]);
    let both = [secret("old"), secret("new")].concat();
    assert_eq!(check(&Signature::Github, &both, &headers, b"x", at(NOW)), Ok(()));
    assert_eq!(check(&Signature::Github, &secret("old"), &headers, b"x", at(NOW)), Err(Refused::Wrong));
}

#[test]
fn stripes_header_may_hold_several_signatures_and_its_time_counts() {
    let second = NOW / 1000;
    let v1 = hex_of("whsec_1", format!("{second}.body").as_bytes());
    let other = hex_of("whsec_2", format!("{second}.body").as_bytes());
    let check = |header: &str, received: i64| {
        super::check(
            &Signature::Stripe,
            &secret("whsec_1"),
            &headers(&[("Stripe-Signature", header)]),
            b"body",
            at(received),
        )
    };
    for good in [
        format!("t={second},v1={v1}"),
        format!("t={second}, v1={other}, v1={v1}, v0=abc"),
        format!("v1={v1},t={second}"),
    ] {
        assert_eq!(check(&good, NOW + 299_000), Ok(()), "{good}");
        assert_eq!(check(&good, NOW - 299_000), Ok(()), "{good}");
        assert_eq!(check(&good, NOW + 301_000), Err(Refused::Old), "{good}");
        assert_eq!(check(&good, NOW - 301_000), Err(Refused::Old), "{good}");
    }
    for (bad, why) in [
        (format!("t={},v1={v1}", second + 1), Refused::Wrong),
        (format!("t={second},v1={other}"), Refused::Wrong),
        (format!("t={second},v0={v1}"), Refused::Unsigned),
        (format!("v1={v1}"), Refused::Unsigned),
        (String::new(), Refused::Unsigned),
    ] {
        assert_eq!(check(&bad, NOW), Err(why), "{bad}");
    }
}

#[test]
fn podiums_signature_is_over_time_and_body_in_any_case_with_or_without_its_prefix() {
    let signed = hex_of("secret", format!("{NOW}.{{\"a\":1}}").as_bytes());
    let check = |time: &str, value: &str, received: i64| {
        let headers = headers(&[("podium-timestamp", time), ("podium-signature", value)]);
        super::check(&Signature::Podium, &secret("secret"), &headers, b"{\"a\":1}", at(received))
    };
    for value in [signed.clone(), signed.to_uppercase(), format!("sha256={signed}")] {
        assert_eq!(check(&NOW.to_string(), &value, NOW), Ok(()), "{value}");
        assert_eq!(check(&NOW.to_string(), &value, NOW + 300_001), Err(Refused::Old), "{value}");
        // Milliseconds, not seconds; and the time is signed.
        assert_eq!(check(&(NOW / 1000).to_string(), &value, NOW), Err(Refused::Wrong), "{value}");
        assert_eq!(check(&(NOW + 1).to_string(), &value, NOW), Err(Refused::Wrong), "{value}");
    }
    let nonsense = hex_of("secret", b"soon.{\"a\":1}");
    assert_eq!(check("soon", &nonsense, NOW), Err(Refused::Old));
    let unsigned = headers(&[("podium-timestamp", &NOW.to_string())]);
    assert_eq!(
        super::check(&Signature::Podium, &secret("s"), &unsigned, b"", at(NOW)),
        Err(Refused::Unsigned)
    );
}

#[test]
fn what_waited_at_podium_is_taken_for_as_long_as_it_may_wait_there_and_nothing_of_the_future() {
    let check = |key: &str, signed: i64, exact: bool| {
        let signature = hex_of("secret", format!("{signed}.{{}}").as_bytes());
        let delivery = Delivery {
            position: None,
            received: at(NOW),
            method: "POST".into(),
            headers: headers(&[("podium-timestamp", &signed.to_string()), ("podium-signature", &signature)]),
            query: std::collections::BTreeMap::new(),
            body: b"{}".to_vec(),
            exact,
            answer: None,
        };
        check_podium(&SecretString::from(key.to_owned()), &delivery)
    };
    let day = 86_400_000;
    for good in [NOW, NOW - 301_000, NOW - 10 * day, NOW - 14 * day, NOW + 300_000] {
        assert_eq!(check("secret", good, true), Ok(()), "{good}");
        assert_eq!(check("another", good, true), Err(Refused::Wrong), "{good}");
    }
    for bad in [NOW + 301_000, NOW + 14 * day, NOW - 14 * day - 1, 0] {
        assert_eq!(check("secret", bad, true), Err(Refused::Old), "{bad}");
    }
    assert_eq!(check("secret", NOW, false), Err(Refused::Inexact));
    assert_eq!(check("", NOW, true), Err(Refused::NoSecret));
}

#[test]
fn a_plain_hmac_is_found_by_header_prefix_encoding_and_hash() {
    // RFC 2202 and RFC 4231, test case 2: key “Jefe”.
    let body = b"what do ya want for nothing?";
    let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    for (hash, hex) in [(HashKind::Sha1, sha1), (HashKind::Sha256, sha256), (HashKind::Sha512, sha512)] {
        let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap();
        for (encoding, value) in [
            (HashText::Hex, hex.to_owned()),
            (HashText::Base64, BASE64.encode(&bytes)),
            (HashText::Base64, BASE64URL_NOPAD.encode(&bytes)),
        ] {
            let scheme = Signature::Hmac { header: "X-Sign".into(), prefix: "v=".into(), encoding, hash };
            let check = |key: &str, value: &str| {
                super::check(&scheme, &secret(key), &headers(&[("x-sign", value)]), body, at(NOW))
            };
            assert_eq!(check("Jefe", &format!("v={value}")), Ok(()), "{value}");
            assert_eq!(check("Jefe", &value), Ok(()), "{value}");
            assert_eq!(check("jefe", &value), Err(Refused::Wrong), "{value}");
        }
    }
}

#[test]
fn a_body_that_was_written_anew_is_refused_where_a_signature_is_wanted_and_taken_where_none_is() {
    let delivery = |exact| Delivery {
        position: None,
        received: at(NOW),
        method: "POST".into(),
        headers: headers(&[("x-hub-signature-256", &hex_of("k", b"{}"))]),
        query: std::collections::BTreeMap::new(),
        body: b"{}".to_vec(),
        exact,
        answer: None,
    };
    assert_eq!(check_delivery(&Signature::Github, &secret("k"), &delivery(true)), Ok(()));
    assert_eq!(check_delivery(&Signature::Github, &secret("k"), &delivery(false)), Err(Refused::Inexact));
    assert_eq!(check_delivery(&Signature::None, &[], &delivery(false)), Ok(()));
}
