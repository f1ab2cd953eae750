//! The command line.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod calling;
mod directory;
mod help;
mod lists;
mod moves;
mod place;
mod trunks;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use archive::{PublicKeys, SigningKey};
use arguments::{
    AboutAgents, AboutContacts, AboutPrompts, AboutRecordings, Cli, Keys, LegalHold, Listen, Proof, Qa, Sip,
    Token, Trace, Traced, Verb, Word,
};
use hotline::at_rest::ledger::Ledger;
use hotline::at_rest::vault;
use hotline::checks::{doctor, privacy};
use hotline::shown::log::{self, LogFormat};
use hotline::shown::{listings, output};
use hotline::signalling::Addresses;
use hotline::system::clock;
use hotline::system::signals::{Asked, Signals};
use hotline::{control, demo, password, phone, prompts, reload, serve};
use model::{AgentId, RecordingId};
use place::Place;

/// Media threads hand audio to recording threads, which free it: with the system's allocator they wait for each other's
/// lock, and for the lock of the whole address space whenever a thread's heap grows.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    udp::make_files_private();
    // Log lines would tear the demo's board.
    let level = if matches!(cli.command, Some(Verb::Demo { .. })) { "error" } else { "info,sqlx=warn" };
    let format = match log_format(cli.log_format) {
        Ok(format) => format,
        Err(error) => {
            output::note(format_args!("hotline: {error:#}"));
            output::flush();
            return ExitCode::FAILURE;
        }
    };
    log::start(format, level);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error).with_context(|| "start the runtime"),
    };
    let code = outcome.unwrap_or_else(|error| {
        output::note(format_args!("hotline: {error:#}"));
        ExitCode::FAILURE
    });
    output::flush();
    code
}

/// The format that the command line or else the environment names.
fn log_format(named: Option<LogFormat>) -> anyhow::Result<LogFormat> {
    match (named, std::env::var(log::FORMAT_VARIABLE)) {
        (Some(format), _) => Ok(format),
        (None, Ok(text)) => text
            .parse()
            .map_err(|wanted| anyhow::anyhow!("{} is {wanted}, not {text:?}", log::FORMAT_VARIABLE)),
        (None, Err(_)) => Ok(LogFormat::default()),
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { place, command, log_format: _ } = cli;
    let place = Place::from(place);
    match command.unwrap_or(Verb::Serve(Listen::default())) {
        Verb::Serve(listen) => serve(&place, listen).await,
        Verb::Demo { calls, agents, seconds } => {
            demo::run(place.load(false)?, &place.data, demo::Scale { calls, agents, seconds }).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Load(options) => {
            let run = tokio::task::spawn_blocking(move || load::run(*options));
            let load::Outcome { lines, is_good } = run.await.with_context(|| "run the load")??;
            output::print_text(lines);
            Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Verb::Prompts(AboutPrompts::Check) => {
            let (wrong, count) = prompts::check(place.prompts())?;
            Ok(tell(&wrong, &format!("{count} clips are fit {count} 条录音合格")))
        }
        Verb::Phone(options) => phone::run(*options).await,
        Verb::Check { flow_tests } => check(&place, flow_tests),
        Verb::Doctor { listen, json } => {
            let mut configuration = place.load(false)?;
            listen.apply(&mut configuration.server);
            let sound = doctor::run(&configuration, &place.folders(), json).await?;
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Verb::Contacts { about: Some(AboutContacts::Show { id, json }), .. } => {
            lists::contact(&place, id, json).await
        }
        Verb::Contacts { about: Some(AboutContacts::Move { id, what, to }), .. } => {
            let said = moves::order(&place.data, id, what, &to)?;
            output::print_text(said);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Contacts { about: Some(AboutContacts::PickUp { slot, seat }), .. } => {
            moves::pick_up(&place.data, slot, &seat)?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Call(call) => {
            output::print_text(calling::place(&place.data, &call)?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Contacts { listing, about: None } => lists::contacts(&place, &listing).await,
        Verb::Recordings { about: Some(AboutRecordings::Key), .. } => {
            let key = SigningKey::open(&place.data).with_context(|| "read the key of the recordings")?;
            output::print_text(key.public_pem());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Recordings { about: Some(AboutRecordings::Export { id, to }), .. } => {
            export(&place, id, &to).await
        }
        Verb::Recordings { about: Some(AboutRecordings::Adopt { dry_run, json }), .. } => {
            lists::adopt(&place, dry_run, json).await
        }
        Verb::Recordings { listing, about: None } => lists::recordings(&place, &listing).await,
        Verb::Agents { about: Some(AboutAgents::SetPassword { id, generate }), .. } => {
            set_password(&place, &id, generate)
        }
        Verb::Agents { listing, about: None } => lists::agents(&place, &listing).await,
        Verb::Queues(listing) => lists::queues(&place, &listing).await,
        Verb::Trunks { json } => trunks::list(&place, json),
        Verb::Directory { json } => directory::list(&place, json),
        Verb::Agent { state, id } => {
            control::agent(&place.data, &id, &state)?;
            output::print(format_args!("{id}: {state}"));
            Ok(ExitCode::SUCCESS)
        }
        Verb::Sip(Sip::Trace(wanted)) => trace(&place, &wanted),
        Verb::Qa(Qa::Sample(wanted)) => lists::sample(&place, &wanted).await,
        Verb::Verify(Proof { folder, public_key: Some(key) }) => prove(&folder, &key),
        Verb::Verify(Proof { public_key: None, .. }) => verify(&place).await,
        Verb::Backup { dir, with_recordings } => lists::backup(&place, &dir, with_recordings).await,
        Verb::Restore { dir, verify } => lists::restore(&place, &dir, verify).await,
        Verb::Reload { dry_run, json } => lists::reload(&place, dry_run, json),
        Verb::Retention { dry_run, json } => retention(&place, dry_run, json),
        Verb::LegalHold(LegalHold::Set(word)) => legal_hold(&place, &word, ""),
        Verb::LegalHold(LegalHold::Clear(word)) => legal_hold(&place, &word, "/clear"),
        Verb::Keys(Keys::New { file }) => {
            output::print(format_args!("{}: key 密钥 {}", file.display(), vault::new_key(&file)?));
            output::print(
                "Without it no recording that it encrypts can be opened: back it up 请妥善备份此密钥",
            );
            Ok(ExitCode::SUCCESS)
        }
        Verb::Token(Token::Create { role, name, agent }) => {
            let now = clock::now();
            let name = name.unwrap_or_else(|| format!("{role}-{}", now.unix_ms()));
            output::print(place.store().await?.create_token(&name, role, agent, now).await?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn serve(place: &Place, listen: Listen) -> anyhow::Result<ExitCode> {
    let mut configuration = place.load(false)?;
    for warning in &configuration.warnings {
        let (file, message, hint) = (&warning.file, &warning.message.en, &warning.hint.en);
        tracing::warn!(%file, line = warning.line, message, hint, "configuration");
    }
    for path in privacy::readable_by_others(&place.private_paths(&configuration)) {
        let path = path.display();
        tracing::warn!(%path, "other users of this machine may read this: chmod o= {path}");
    }
    listen.apply(&mut configuration.server);
    let ports = configuration.server.rtp.0.clone();
    let numbers: Vec<String> =
        configuration.routes.iter().map(|(number, route)| format!("{number} ({})", route.language)).collect();
    // A panic is a line of the log too: to print it would wait for standard error.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
    let mut signals = Signals::catch().with_context(|| "catch signals")?;
    let folders = place.folders();
    let running = tokio::select! {
        started = serve::start(configuration, &folders, Some(place.files())) => started?,
        () = signals.stop() => {
            output::announce("Stopped before it was ready 启动完成前已停止");
            return Ok(ExitCode::SUCCESS);
        }
    };
    output::announce(format_args!("Hotline {}", env!("CARGO_PKG_VERSION")));
    let listed =
        |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Addresses { plain, secure } = &running.sip;
    let mut rtp: Vec<String> = plain.iter().chain(secure).map(|address| address.ip().to_string()).collect();
    rtp.dedup();
    output::announce(format_args!("  SIP    {}  (UDP, TCP)", listed(plain)));
    if !secure.is_empty() {
        output::announce(format_args!("  SIP    {}  (TLS)", listed(secure)));
    }
    output::announce(format_args!("  RTP    {}  ports {}-{}", rtp.join(", "), ports.start(), ports.end()));
    output::announce(format_args!("  HTTP   http://{}", running.http));
    if let Some(https) = running.https {
        output::announce(format_args!("  HTTP   https://{https}"));
    }
    output::announce(format_args!("  Dial   {} 拨打", numbers.join(", ")));
    output::announce(
        "  Next   register a softphone as 1001 (README.md), then dial 下一步：注册座席 1001，再拨打",
    );
    while signals.next().await == Asked::Reload {
        // Its outcome is in the log.
        reload::at_signal(&*running.configuration()).await;
    }
    let (calls, limit) = (running.calls(), running.drain_limit().as_secs());
    tracing::warn!(calls, limit_s = limit, "draining: no new calls; those in progress may end");
    output::announce(draining(calls, limit));
    running.stop(signals.stop()).await;
    Ok(ExitCode::SUCCESS)
}

/// What the first signal says: for what is waited, and for how long.
fn draining(calls: u64, limit_s: u64) -> String {
    let plural = if calls == 1 { "" } else { "s" };
    if calls == 0 {
        return "Draining: no new calls; no call is in progress 正在停止：不再接新来电；没有进行中的通话"
            .to_owned();
    }
    format!(
        "Draining: no new calls; waits for {calls} call{plural}, at most {limit_s} s; a second signal ends them at once \
         正在停止：不再接新来电；等待 {calls} 路通话结束，最多 {limit_s} 秒；再次发送信号则立即结束"
    )
}

fn check(place: &Place, flow_tests: bool) -> anyhow::Result<ExitCode> {
    let configuration = place.load(flow_tests)?;
    vault::keys(&configuration.server)?;
    for warning in &configuration.warnings {
        output::note(format_args!("warning 提醒：{warning}"));
    }
    output::print("The configuration is sound 配置正确");
    if flow_tests {
        output::print(format_args!("{} flow tests passed 流程测试通过", configuration.flow_tests.passed));
    }
    Ok(ExitCode::SUCCESS)
}

fn set_password(place: &Place, id: &AgentId, generate: bool) -> anyhow::Result<ExitCode> {
    let realm = place.load(false)?.server.realm;
    let password = if generate { password::generate()? } else { password::read()? };
    password::set(&place.agents_file(), &realm, id, &password)?;
    let next = "a running center knows it after `hotline reload` 执行 hotline reload 后生效";
    output::print(format_args!("{id}: password set 密码已设置; {next}"));
    if generate {
        output::print(password);
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(place: &Place, id: RecordingId, to: &Path) -> anyhow::Result<ExitCode> {
    let configuration = place.load(false)?;
    let bytes = vault::export(&place.store().await?, &place.shelves(&configuration)?, id, to).await?;
    if let Err(error) = control::post(&place.data, &format!("recordings/{id}/exported"), "") {
        output::note(format_args!(
            "The export is not in the event log: only a running center writes it 未写入事件日志：{error:#}"
        ));
    }
    output::print(format_args!("{}: {bytes} bytes 字节", to.display()));
    Ok(ExitCode::SUCCESS)
}

async fn verify(place: &Place) -> anyhow::Result<ExitCode> {
    let folders = place.recordings_folders(&place.load(false)?);
    let differences = archive::verify(&Ledger(place.store().await?), &folders).await?;
    Ok(tell(&differences, "rows and files agree 记录与文件一致"))
}

/// Checks folders with nothing but the public key.
fn prove(folders: &[PathBuf], key: &Path) -> anyhow::Result<ExitCode> {
    let keys = PublicKeys::read(key).with_context(|| "read the public key")?;
    let (findings, entries) = archive::check(folders, &keys).with_context(|| "read the folder")?;
    let sound =
        format!("{entries} entries and their files are as they were signed {entries} 条记录与签名一致");
    Ok(tell(&findings, &sound))
}

/// Prints what is wrong, or that nothing is.
fn tell(wrong: &[impl Display], sound: &str) -> ExitCode {
    for finding in wrong {
        output::print(finding);
    }
    if wrong.is_empty() {
        output::print(sound);
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn legal_hold(place: &Place, word: &Word, end: &str) -> anyhow::Result<ExitCode> {
    let Word { contact, reason, person } = word;
    let body = serde_json::json!({ "reason": reason, "person": person }).to_string();
    control::post(&place.data, &format!("contacts/{contact}/legal-hold{end}"), &body)?;
    output::print(format_args!(
        "{contact}: {}",
        if end.is_empty() { "held 已保全" } else { "let go 已解除" }
    ));
    Ok(ExitCode::SUCCESS)
}

/// Has the running center apply the rules: it alone writes the log.
fn retention(place: &Place, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let answer =
        control::post(&place.data, "retention", &serde_json::json!({ "dry_run": dry_run }).to_string())?;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&answer).with_context(|| "read the answer")?;
    listings::print(&rows, json, &place.load(false)?.server.zone, listings::ERASED)?;
    let (erased, held) = (count(&rows, "erased"), count(&rows, "held"));
    output::note(format_args!(
        "{} due, {held} held, {erased} erased 到期 {}，保全 {held}，已删除 {erased}",
        rows.len(),
        rows.len()
    ));
    let failed = rows.iter().any(|row| row["fault"].is_string());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the running center kept of SIP messages: it alone has them.
fn trace(place: &Place, wanted: &Trace) -> anyhow::Result<ExitCode> {
    let which = match &wanted.which {
        Traced { contact: Some(contact), .. } => format!("contact={contact}"),
        // A `+` would be a blank in a query.
        Traced { from: Some(number), .. } => {
            format!("from={}", number.as_str().replace('+', "%2B").replace('#', "%23"))
        }
        Traced { last, .. } => format!("last={}", last.unwrap_or(1)),
    };
    let format = if wanted.pcap.is_some() { "pcap" } else { "text" };
    let answer = control::get(&place.data, &format!("sip/trace?{which}&format={format}"))?;
    match &wanted.pcap {
        Some(file) => {
            write_new_private(file, &answer).with_context(|| format!("write {}", file.display()))?;
            output::print(format_args!("{}: {} bytes 字节", file.display(), answer.len()));
        }
        None => output::print_text(String::from_utf8_lossy(&answer)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Messages have numbers and addresses of people: a file of its owner alone.
fn write_new_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(bytes)
}

fn count(rows: &[serde_json::Value], flag: &str) -> usize {
    rows.iter().filter(|row| row[flag] == true).count()
}
