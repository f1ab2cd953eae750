//! The database: reached, whole, and of a schema that this program knows.

use std::path::Path;

use store::{Depth, Probed, StoreError};
use text::{Text, text};

use super::{Finding, try_folder};
use crate::config::Configuration;
use crate::system::folders::Folders;

pub(super) async fn check(configuration: &Configuration, folders: &Folders, depth: Depth) -> Finding {
    let url = configuration.database_url(folders);
    let place = store::place(&url);
    match store::probe(&url, depth).await {
        Ok(Probed { schema: 0, .. }) => new_one(&url, &place, folders),
        Ok(Probed { schema, known, .. }) if schema < known => Finding::good(
            "database",
            text!(
                "{place}: will be brought from schema {schema} to {known}",
                "{place}：结构将从 {schema} 升级到 {known}"
            ),
        ),
        Ok(_) => Finding::good("database", text!("{place} answers", "{place} 可用")),
        Err(error) => {
            let why = chain(&error);
            Finding::failed("database", text!("{place}: {why}", "{place} 不可用：{why}"), next_step(&error))
        }
    }
}

/// Where there is none yet, its folder has to take one. The data folder has a check of its own.
fn new_one(url: &str, place: &str, folders: &Folders) -> Finding {
    let folder = store::database_file(url).and_then(Path::parent).filter(|folder| **folder != folders.data);
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    match folder.map(try_folder) {
        Some(Err(Text { en, zh })) => Finding::failed(
            "database",
            text!("{place}: its folder cannot be written: {en}", "{place}：其目录无法写入：{zh}"),
            text!(
                "let the user that runs Hotline write there, or change url in [store] of hotline.toml",
                "请让运行 Hotline 的用户可写，或修改 hotline.toml 中 [store] 的 url"
            ),
        ),
        Some(Ok(())) | None => {
            Finding::good("database", text!("{place}: a new one will be made", "{place}：将新建"))
        }
    }
}

fn next_step(error: &StoreError) -> Text {
    match error {
        StoreError::UnknownUrl => text!(
            "write url = \"sqlite:PATH\" or \"postgres://USER@HOST/NAME\" in [store] of hotline.toml",
            "请在 hotline.toml 的 [store] 中写 url = \"sqlite:路径\" 或 \"postgres://用户@主机/库名\""
        ),
        StoreError::Newer { .. } => text!(
            "start the version of Hotline that made it, or restore a backup of before",
            "请使用创建它的 Hotline 版本，或恢复升级前的备份"
        ),
        StoreError::Damaged { .. } => text!(
            "keep a copy of the file and restore a backup; recordings are not touched",
            "请保留该文件副本并恢复备份；录音文件不受影响"
        ),
        StoreError::ReadOnly { .. } => text!(
            "name the primary server, and a user that may create tables",
            "请指向主库，并使用可建表的用户"
        ),
        StoreError::File { .. } => {
            text!("let the user that runs Hotline read and write it", "请让运行 Hotline 的用户可读写该文件")
        }
        StoreError::Held { .. } | StoreError::Owned { .. } | StoreError::Lost { .. } => text!(
            "stop the other center, or give this one a database and folders of its own",
            "请停止另一个呼叫中心，或为本中心另设数据库和目录"
        ),
        StoreError::SequenceTaken { .. } => {
            text!("restart: the events are brought in", "请重启，事件会被补入")
        }
        StoreError::TimedOut { .. }
        | StoreError::Database(_)
        | StoreError::Migration(_)
        | StoreError::Replaced { .. }
        | StoreError::InUse { .. }
        | StoreError::Unreadable { .. }
        | StoreError::NameTaken { .. }
        | StoreError::Random(_) => text!(
            "see that it runs and that url in [store] of hotline.toml names it",
            "请确认数据库已运行，且 hotline.toml 中 [store] 的 url 正确"
        ),
    }
}

/// An error and its causes in one line. A cause that the error's own text contains is left out.
fn chain(error: &StoreError) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line.replace('\n', " ")
}
