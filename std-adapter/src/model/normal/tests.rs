//! The agent's forms, by examples.

use super::*;

/// The short way for texts of ASCII agrees with the long one.
fn assert_form(of: fn(&str) -> Cow<'_, str>, text: &str, form: &str) {
    assert_eq!(of(text), form, "{text:?}");
    assert_eq!(of(form), form, "{text:?}, twice");
    assert!(form.is_empty() || !form.is_ascii() || matches!(of(form), Cow::Borrowed(_)), "{form:?}");
}

#[test]
fn a_name_keeps_letters_digits_dots_and_single_low_lines() {
    for (text, form) in [
        ("oven.Bake_2", "oven.Bake_2"),
        ("oven-bake", "oven_bake"),
        ("7 ovens", "ovens"),
        ("...oven", "oven"),
        ("oven  (hot)", "oven_hot"),
        ("oven__hot", "oven_hot"),
        ("oven_.hot", "oven.hot"),
        ("oven._hot", "oven.hot"),
        ("oven .. hot", "oven..hot"),
        ("oven.", "oven."),
        ("oven_", "oven"),
        ("GET /ofen/größe", "GET_ofen_gr_e"),
        ("größe", "gr_e"),
        ("", UNNAMED),
        ("12:30", UNNAMED),
        ("печь", UNNAMED),
    ] {
        assert_form(name, text, form);
    }
}

#[test]
fn a_service_is_in_lower_case_and_keeps_letters_of_any_script() {
    for (text, form) in [
        ("bakery", "bakery"),
        ("Bakery", "bakery"),
        ("bakery:7/oven-2.left", "bakery:7/oven-2.left"),
        ("3rd-oven", "3rd-oven"),
        ("-oven", "-oven"),
        ("_oven", "_oven"),
        ("  oven", "_oven"),
        ("the_oven", "the_oven"),
        ("the __ oven", "the_oven"),
        ("oven_", "oven"),
        ("oven!?", "oven"),
        ("Größe ÄÖ", "größe_äö"),
        ("ПЕЧЬ", "печь"),
        ("窯🔥窯", "窯_窯"),
        ("20\u{212a}", "20k"),
        ("Ⱥ", "Ⱥ"),
        ("", UNNAMED_SERVICE),
        ("!!", UNNAMED_SERVICE),
    ] {
        assert_form(service, text, form);
    }
    assert_form(peer, "", "");
    assert_form(peer, "🔥", "");
    assert_form(peer, "The Mill", "the_mill");
}

#[test]
fn an_environment_begins_with_a_letter() {
    for (text, form) in [
        ("prod", "prod"),
        ("Prod EU", "prod_eu"),
        ("2nd", "nd"),
        ("_-/.test", "test"),
        (":test", ":test"),
        ("Éclair", "éclair"),
        ("a.1/b-2", "a.1/b-2"),
        ("", ""),
        ("123", ""),
    ] {
        assert_form(env, text, form);
    }
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    let long = "ab_".repeat(100);
    assert_form(name, &long, &format!("{}a...", "ab_".repeat(32)));
    assert_form(name, &format!("a{long}"), &format!("a{}...", "ab_".repeat(32).trim_end_matches('_')));
    assert_form(service, &long, &format!("{}a...", "ab_".repeat(32)));
    assert_form(service, &"é".repeat(51), &format!("{}...", "é".repeat(48)));
    assert_form(env, &"e".repeat(200), &"e".repeat(200));
    assert_form(env, &"é".repeat(200), &"é".repeat(200));
    assert_form(env, &"e".repeat(201), &format!("{}...", "e".repeat(197)));
    assert_form(env, &"é".repeat(201), &format!("{}...", "é".repeat(197)));
    assert_form(env, &"窯".repeat(134), &format!("{}...", "窯".repeat(132)));
    // What this leaves out anyway is not missed; a span's service is cut before.
    assert_form(service, &format!("oven{}", "!".repeat(200)), "oven");
}

#[test]
fn a_text_in_its_form_is_not_copied() {
    for text in ["bakery", "the_oven", "a.b-c/d:e"] {
        assert!(matches!(service(text), Cow::Borrowed(same) if same == text));
        assert!(matches!(env(text), Cow::Borrowed(same) if same == text));
    }
    assert!(matches!(name("oven.Bake_2"), Cow::Borrowed("oven.Bake_2")));
}

#[test]
fn of_tags_the_agent_looks_at_few() {
    assert_eq!(tag(b"env", "Lab").as_deref(), Some("lab"));
    assert_eq!(tag(b"peer.service", "3 Mills").as_deref(), Some("3_mills"));
    assert_eq!(tag(b"_dd.base_service", "a b").as_deref(), Some("a_b"));
    assert_eq!(tag(b"Env", "Lab").as_deref(), Some("Lab"));
    for (status, stays) in [("200", true), ("99", false), ("600", false), ("", false), ("ok", false)] {
        assert_eq!(tag(b"http.status_code", status).is_some(), stays, "{status}");
        assert_eq!(tag(b"status", status).as_deref(), Some(status));
    }
    for key in ["env", "peer.service", "_dd.base_service", "http.status_code"] {
        assert!(!is_tag(key.as_bytes(), b"A b") && tag(key.as_bytes(), "A b").as_deref() != Some("A b"));
    }
    for (key, text) in
        [("env", "lab"), ("peer.service", "3-mills"), ("http.status_code", "599"), ("note", "A b")]
    {
        assert!(
            is_tag(key.as_bytes(), text.as_bytes()) && tag(key.as_bytes(), text).as_deref() == Some(text)
        );
    }
}
