//! What maps make of events, and that nothing hostile makes more of one.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn account() -> AccountId {
    AccountId::new("pusher").unwrap()
}

fn at() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn event<'a>(name: &'a str, data: &'a Value) -> Event<'a> {
    Event {
        channel: "orders",
        name,
        data,
        headers: None,
        own: None,
        repeats: false,
        only_named: false,
        at: at(),
    }
}

fn map(text: &str) -> FieldMap {
    FieldMap::from_text(text).unwrap()
}

fn read(map: &FieldMap, event: &Event<'_>) -> Reading {
    Reader::new(map).unwrap().read(&account(), event)
}

fn told(map: &FieldMap, event: &Event<'_>) -> Notification {
    read(map, event).told.map(|told| *told).expect("it is news")
}

#[track_caller]
fn refused(text: &str) -> String {
    Reader::new(&map(text)).unwrap_err().to_string()
}

#[test]
fn each_field_of_a_rule_becomes_its_part_of_the_notification() {
    let map = map(r"
        [[rules]]
        on = 'orders*'
        event = 'OrderShipped'
        title = 'Order {{ data.order.id }} is on its way'
        body = '{% for item in data.order.items %}{{ item.name }} {% endfor %}'
        url = '{{ data.link }}'
        icon = 'approved'
        id = 'order-{{ data.order.id }}'
        time = '{{ data.at }}'
        urgency = '{% if data.order.total > 100 %}high{% else %}low{% endif %}'
        actor = '{{ data.by.name }}'
        ");
    let data = json!({
        "order": { "id": 7, "total": 120.5, "items": [{ "name": "A lamp" }, { "name": "a <b>book</b>" }] },
        "link": "https://shop.example.org/orders/7", "at": 1_790_000_000, "by": { "name": "Ada" },
    });
    let event = Event {
        at: Timestamp::from_second(1_790_000_100).unwrap(),
        ..event(r"App\Events\OrderShipped", &data)
    };
    let reading = read(&map, &event);
    let one = reading.told.unwrap();
    assert_eq!((reading.rule, reading.troubles.as_slice()), (Some(1), &[][..]));
    assert_eq!(one.title, "Order 7 is on its way");
    assert_eq!(one.body, "A lamp a <b>book</b>", "text stays text");
    assert_eq!(one.context.url.as_deref(), Some("https://shop.example.org/orders/7"));
    assert_eq!((one.icon, one.external_id.as_str()), (Icon::Approved, "iorder-7"));
    assert_eq!(one.occurred_at.as_second(), 1_790_000_000);
    assert_eq!((one.urgency, one.actor.as_deref()), (Some(Urgency::High), Some("Ada")));
    assert_eq!(one.context.place.as_deref(), Some("orders"));
    assert_eq!(serde_json::from_str::<Value>(&one.raw).unwrap()["data"], data);
}

#[test]
fn the_first_rule_that_fits_makes_the_notification_and_what_fits_none_is_quiet_or_shown() {
    let rules = "[[rules]]\nevent = 'a'\nwhen = '{{ data.loud }}'\ntitle = 'first'\n[[rules]]\nevent = 'a*'\ntitle = 'second'\n";
    let quiet = map(rules);
    let titles = |data: Value, name: &str| read(&quiet, &event(name, &data)).told.map(|told| told.title);
    assert_eq!(titles(json!({"loud": true}), "a").as_deref(), Some("first"));
    for still in [
        json!({"loud": false}),
        json!({}),
        json!(null),
        json!({"loud": 0}),
        json!({"loud": " no "}),
        json!({"loud": []}),
    ] {
        assert_eq!(titles(still.clone(), "a").as_deref(), Some("second"), "{still}");
    }
    assert_eq!(titles(json!({}), "b"), None);
    let show = FieldMap { other: Unmatched::Show, ..quiet };
    let data = json!({"n": 1, "deep": {"text": "what happened"}});
    let one = told(&show, &event("order.was_shippedToday", &data));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("Order was shipped today", "what happened"));
}

#[test]
fn patterns_fit_names_as_people_expect() {
    for (pattern, name) in [
        ("*", ""),
        ("*", "a"),
        ("orders", "orders"),
        ("orders.*", "orders.7"),
        ("*.7", "orders.7"),
        ("a*b*c", "a--b--c"),
        ("a**c", "ac"),
        ("private-App.Models.User.*", "private-App.Models.User.1"),
        ("*b*", "abc"),
        ("a*a", "aa"),
    ] {
        assert!(fits(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in
        [("orders", "orders.7"), ("a*a", "a"), ("a*b*c", "acb"), ("", "a"), ("A", "a"), ("*x*", "abc")]
    {
        assert!(!fits(pattern, name), "{pattern} {name}");
    }
    for pattern in ["OrderShipped", r"App\Events\OrderShipped", r"App\*", "Order*", "*"] {
        assert!(fits_event(pattern, r"App\Events\OrderShipped"), "{pattern}");
    }
    assert!(!fits_event(r"Events\OrderShipped", r"App\Events\OrderShipped"));
}

#[test]
fn an_event_with_a_name_of_its_own_is_one_and_without_one_each_is_news() {
    let data = json!({"id": 7, "v": 1});
    let named = map("[[rules]]\ntitle = 't'\nid = '{{ data.id }}'");
    assert_eq!(told(&named, &event("a", &data)).external_id, "i7");
    let long = json!({"id": "x".repeat(9_000)});
    let id = told(&named, &event("a", &long)).external_id;
    assert!(id.len() < 60 && id == told(&named, &event("b", &long)).external_id, "{id}");
    let unnamed = map("[[rules]]\ntitle = 't'");
    let id = |event: &Event<'_>| told(&unnamed, event).external_id;
    assert_ne!(id(&event("a", &data)), id(&event("a", &data)));
    let again = Event { repeats: true, ..event("a", &data) };
    let later = Event { at: Timestamp::MAX, ..again };
    assert_eq!(id(&again), id(&later));
    let other = json!({"id": 7, "v": 2});
    for different in
        [Event { channel: "b", ..again }, Event { name: "b", ..again }, Event { data: &other, ..again }]
    {
        assert_ne!(id(&again), id(&different));
    }
    // An id that is empty names nothing.
    let empty = json!({"id": ""});
    assert_ne!(told(&named, &event("a", &empty)).external_id, told(&named, &event("a", &empty)).external_id);
}

#[test]
fn every_spelling_of_a_time_is_understood_and_what_is_none_is_told() {
    for said in [
        "2026-09-21T14:13:20Z",
        "2026-09-21T16:13:20+02:00",
        "2026-09-21 14:13:20",
        "1790000000",
        "1790000000000",
        "1790000000000000",
        " 1790000000.0 ",
    ] {
        assert_eq!(moment(said).map(Timestamp::as_second), Some(1_790_000_000), "{said}");
    }
    for none in ["", "yesterday", "NaN", "inf", "1e300", "-1e300", "2026-99-99"] {
        assert_eq!(moment(none), None, "{none}");
    }
    let timed = map("[[rules]]\ntitle = 't'\ntime = '{{ data }}'");
    let (never, future) = (json!("soon"), json!("2999-01-01T00:00:00Z"));
    let reading = read(&timed, &event("a", &never));
    assert_eq!(reading.told.unwrap().occurred_at, at());
    assert!(reading.troubles.concat().contains("rule 1, time: “soon” is no time"), "{:?}", reading.troubles);
    assert_eq!(
        told(&timed, &event("a", &future)).occurred_at,
        at(),
        "nothing has happened that is still to come"
    );
}

#[test]
fn who_came_and_went_is_news_only_to_a_rule_that_names_it() {
    let data = json!({"user_id": "7"});
    let joined = Event { only_named: true, ..event("member_added", &data) };
    let all = FieldMap { rules: vec![Rule::titled("x")], other: Unmatched::Show };
    assert_eq!(read(&all, &joined).told, None);
    let named = Rule { event: "member_added".into(), ..Rule::titled("{{ data.user_id }} is here") };
    let named = FieldMap { rules: vec![Rule::titled("x"), named], other: Unmatched::Quiet };
    assert_eq!(told(&named, &joined).title, "7 is here");
}

#[test]
fn what_is_wrong_with_a_map_is_said_with_rule_field_and_line() {
    for (text, words) in [
        ("[[rules]]\ntitle = '{{ data.title'", ["rule 1", "title", "line 1"]),
        (
            "[[rules]]\ntitle = 'x'\n[[rules]]\ntitle = 'y'\nbody = '''\n\n{% if data.a %}'''",
            ["rule 2", "body", "line"],
        ),
        ("[[rules]]\ntitle = '{{ dta.title }}'", ["rule 1", "“dta”", "data, channel, event or headers"]),
        ("[[rules]]\ntitle = '{% if data.x %}{{ data.y|uper }}{% endif %}'", ["rule 1", "filter", "“uper”"]),
        ("[[rules]]\ntitle = '{% if data.x is difined %}a{% endif %}'", ["rule 1", "test", "“difined”"]),
        ("[[rules]]\ntitle = '{{ range(9) }}'", ["rule 1", "title", "range"]),
        ("[[rules]]\ntitle = ''", ["rule 1", "title", "needed"]),
        ("[[rules]]\ntitle = 'x'\nicon = 'hologram'", ["rule 1", "icon", "thumbs-up"]),
        ("[[rules]]\ntitle = 'x'\nurgency = 'urgent'", ["rule 1", "urgency", "low, normal and high"]),
        ("[[rules]]\ntitle = 'x'\nurl = 'javascript:alert(1)'", ["rule 1", "url", "https"]),
        ("[[rules]]\ntitle = 'x'\non = ''", ["rule 1", "on", "*"]),
    ] {
        let said = refused(text);
        assert!(words.iter().all(|word| said.contains(word)), "{text}\n{said}");
    }
    let both = refused("[[rules]]\ntitle = '{{ a }}'\n[[rules]]\ntitle = '{{ b }}'");
    assert!(both.contains("rule 1") && both.contains("rule 2"), "{both}");
}

#[test]
fn a_template_that_would_not_end_is_ended_and_what_it_lacks_is_told() {
    let endless = "{% for a in data %}{% for b in data %}{% for c in data %}{% for d in data %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}";
    let map = FieldMap {
        rules: vec![Rule { body: Some(endless.into()), ..Rule::titled("t") }],
        other: Unmatched::Quiet,
    };
    let many: Value = (0..500).collect();
    let reading = read(&map, &event("a", &many));
    assert_eq!(reading.told.unwrap().body, "");
    assert!(reading.troubles.concat().contains("too long"), "{:?}", reading.troubles);
    let wide = FieldMap { rules: vec![Rule::titled("{{ 'x' * 100000000 }}")], other: Unmatched::Quiet };
    assert!(Reader::new(&wide).is_err());
}

#[test]
fn the_presets_make_something_of_what_applications_send() {
    let laravel = FieldMap::preset("laravel").unwrap();
    let created = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";
    let data = json!({
        "id": "9c4c0a1e", "type": r"App\Notifications\InvoicePaid", "message": "Invoice 7 was paid", "url": "https://shop.example.org/7",
    });
    let one = told(&laravel, &event(created, &data));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("Invoice paid", "Invoice 7 was paid"));
    assert_eq!(
        (one.external_id.as_str(), one.context.url.as_deref()),
        ("i9c4c0a1e", Some("https://shop.example.org/7"))
    );
    let data = json!({"order": {"id": 7, "status": "shipped"}});
    let one = told(&laravel, &event(r"App\Events\OrderShipmentStatusUpdated", &data));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("Order shipment status updated", "shipped"));
    let plain = FieldMap::preset("plain").unwrap();
    let data = json!({"title": "Build 7 failed", "body": "2 tests", "url": "https://ci.example.org/7"});
    let one = told(&plain, &event("build", &data));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("Build 7 failed", "2 tests"));
    for (name, data) in
        [("hello", json!("Hello, world")), ("hello", json!(["x", 1])), ("n", json!(7)), ("", json!(null))]
    {
        for map in [&plain, &laravel] {
            let reading = read(map, &event(name, &data));
            assert!(reading.troubles.is_empty(), "{data}: {:?}", reading.troubles);
            assert!(!reading.told.unwrap().title.is_empty());
        }
    }
    for map in [&plain, &laravel] {
        assert_eq!(
            read(map, &event("client-typing", &json!({"title": "x"}))).told,
            None,
            "whispers are no news"
        );
    }
}

#[test]
fn a_map_is_tried_on_what_came() {
    let payload = |data: Option<&str>| crate::feed::Payload {
        at: at(),
        channel: "orders".into(),
        event: "a".into(),
        data: data.map(str::to_owned),
        headers: None,
        only_named: false,
    };
    let map = map("[[rules]]\nwhen = '{{ data.ok }}'\ntitle = '{{ data.n|round }}'");
    let outcomes = tried(
        &map,
        &account(),
        vec![payload(Some(r#"{"ok":true,"n":"x"}"#)), payload(Some("{}")), payload(None)],
    )
    .unwrap();
    assert_eq!(outcomes[0].rule, Some(1));
    assert_eq!(outcomes[0].told.as_ref().unwrap().title, "A", "the event's name stands in");
    assert!(outcomes[0].troubles.concat().contains("rule 1, title"), "{:?}", outcomes[0].troubles);
    assert_eq!((outcomes[1].rule, &outcomes[1].told), (None, &None));
    assert!(outcomes[2].troubles.concat().contains("too long"));
}

#[test]
fn what_our_filters_read_again_and_again_comes_to_an_end() {
    let long = Value::from("word ".repeat(100_000));
    let data = json!({ "all": (0..100).collect::<Vec<_>>(), "long": long });
    for filter in ["text", "words", "readable", "date"] {
        let body = format!("{{% for one in data.all %}}{{{{ data|{filter} }}}}{{% endfor %}}");
        let map =
            FieldMap { rules: vec![Rule { body: Some(body), ..Rule::titled("t") }], other: Unmatched::Quiet };
        let reading = read(&map, &event("a", &data));
        assert!(reading.troubles.concat().contains("too long"), "{filter}: {:?}", reading.troubles);
    }
}

#[test]
fn the_documentation_s_map_makes_sense_and_names_what_there_is() {
    let page = include_str!("../../../docs/field-maps.md");
    let written = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let map = map(written);
    assert!(
        Field::ALL.into_iter().all(|field| map.rules[0].template(field).is_some()),
        "each field is shown"
    );
    let data = json!({
        "id": 7, "total": 120, "items": [{"name": "lamp"}, {"name": "book"}], "link": "https://example.org/7", "by": {"name": "Ada"},
    });
    let one = told(&map, &Event { channel: "orders.eu", ..event(r"App\Events\OrderShipped", &data) });
    assert_eq!((one.title.as_str(), one.body.as_str()), ("Order 7 is on its way", "lamp, book"));
    assert_eq!((one.icon, one.urgency), (Icon::Approved, Some(Urgency::Normal)));
    assert_eq!(told(&map, &event("other.thing", &data)).title, "Other thing");
    let pictures =
        page.split("Pictures:").nth(1).and_then(|rest| rest.split("and the others").next()).unwrap();
    for name in pictures.split('`').skip(1).step_by(2) {
        assert!(Icon::from_name(name).is_some(), "{name}");
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[<>&\u{202e}\u{0}\n{}%|]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let names = prop_oneof![
            Just("title".to_owned()),
            Just("id".to_owned()),
            Just("url".to_owned()),
            any::<String>()
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "data",
        "channel",
        "event",
        ".title",
        "[0]",
        "|",
        "upper",
        "date",
        "words",
        "text",
        "round",
        "'",
        "\"",
        "for x in",
        "if",
        "endif",
        "endfor",
        "x",
        " ",
        "-",
        "not",
        "is",
        "defined",
        "(",
        ")",
        "1",
        "9999999999",
        "*",
        "+",
        "~",
        "\n",
        "readable",
        "tojson",
        "set x =",
        "raw",
        "endraw",
        "é",
        "sort",
        "join(',')",
        "replace('a','b')",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..16).prop_map(|pieces| pieces.concat()),
        Just("{{ data.title|upper }}".to_owned()),
        Just("{% for x in data %}{{ x|tojson }}{% endfor %}".to_owned()),
        Just("{{ data|sort|join(', ') }}".to_owned()),
        Just("{{ data|date('%H:%M %Q') }}".to_owned()),
        Just("{{ data * 1000000000 }}".to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic_run_on_or_tell_without_a_title(
        templates in prop::collection::vec(template(), 9), data in anything(), name in any::<String>(), channel in any::<String>(),
    ) {
        let mut rule = Rule::titled("x");
        for (field, template) in Field::ALL.into_iter().zip(templates) {
            rule.set(field, template);
        }
        let mut rules = vec![rule.clone()];
        // Each field alone, so that one bad field does not hide what the others do.
        for field in Field::ALL {
            if let Some(template) = rule.template(field) {
                let mut alone = Rule::titled("{{ data }}");
                alone.set(field, template.to_owned());
                rules.push(alone);
            }
        }
        for rule in rules {
            let map = FieldMap { rules: vec![rule], other: Unmatched::Show };
            let Ok(reader) = Reader::new(&map) else { continue };
            let event = Event { channel: &channel, name: &name, data: &data, headers: None, own: None, repeats: false, only_named: false, at: at() };
            let reading = reader.read(&account(), &event);
            let one = reading.told.unwrap();
            prop_assert!(is_seen(&one.title) && !one.title.contains('\n') && one.title.chars().count() <= TITLE + 1);
            let acts = |c: char| c.is_control() || c == '\u{202e}';
            prop_assert!(!one.title.contains(acts));
            prop_assert!(!one.body.replace('\n', "").contains(acts));
            prop_assert!(one.body.chars().count() <= BODY + 1 && one.raw.len() <= 2 * RAW);
            prop_assert!(one.occurred_at <= at());
            prop_assert!(serde_json::from_str::<Value>(&one.raw).is_ok());
        }
    }
}
