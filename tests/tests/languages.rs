//! What the command line says, in Chinese and in English.

use hotline_tests::Center;

/// What a command prints, and then what it complains of, in an environment with this locale.
fn said(center: &Center, command: &str, arguments: &[&str], language: &str) -> (String, String) {
    let mut command = center.command(command);
    command.args(arguments).env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("HOTLINE_LANG");
    let output = command.env("LANG", language).output().expect("hotline runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn tables_and_refusals_speak_the_language_of_the_environment_and_json_does_not() {
    let center = Center::start();
    let agents = |language| said(&center, "agents", &[], language).0;
    let lines = [
        ("zh_CN.UTF-8", "未签入", false),
        ("en_US.UTF-8", "signed_out", true),
        ("C", "signed_out 未签入", false),
    ];
    for (language, word, is_english) in lines {
        let table = agents(language);
        assert!(table.lines().count() > 2 && table.contains(word), "{language}: {table}");
        assert_eq!(!has_chinese(&table), is_english, "{language}: {table}");
    }
    assert!(agents("zh_CN.UTF-8").starts_with("编号"));
    let json = |language| said(&center, "agents", &["--json"], language).0;
    assert_eq!(json("zh_CN.UTF-8"), json("en_US.UTF-8"));
    let refused = |language| said(&center, "agent", &["ready", "9999"], language).1;
    assert!(refused("zh_CN.UTF-8").contains("找不到") && !refused("zh_CN.UTF-8").contains("Not found"));
    assert!(refused("en_US.UTF-8").contains("Not found") && !refused("en_US.UTF-8").contains("找不到"));
    assert!(refused("C").contains("找不到 / Not found"), "{}", refused("C"));
}
