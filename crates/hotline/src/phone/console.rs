//! `hotline phone`: a softphone in a terminal, for the first call and for trying things out.

use std::io::BufRead;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use load::phone::{Account, Happened, Line};
use sip::{Codec, Ending, Event, SessionId, Status};
use tokio::sync::mpsc;

use super::sound::{Say, ear};
use crate::shown::output;

/// What was typed.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The center's SIP address 中心地址
    #[arg(long, default_value = "127.0.0.1:5060", value_name = "ADDRESS")]
    server: SocketAddr,
    /// Register as this agent and wait for calls 以此坐席注册
    #[arg(long, value_name = "ID", requires = "password")]
    register: Option<String>,
    /// The agent's password 密码
    #[arg(long, env = "HOTLINE_PHONE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Call this number at once 立即拨打
    #[arg(long, value_name = "NUMBER")]
    dial: Option<String>,
    /// Keys to press, one every two seconds from the answer on 接通后依次按键
    #[arg(long, default_value = "", value_name = "KEYS")]
    press: String,
    /// What it says: a file, tone, tone:HZ, silence, or card; default: the sound card where there is one, else a tone
    /// 发送的声音
    #[arg(long, value_name = "SOUND")]
    say: Option<Say>,
    /// Write what it hears to this WAV file 将听到的声音存为文件
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Answer calls at once 自动接听
    #[arg(long)]
    answer: bool,
    /// Hang up this many seconds after the answer 通话秒数
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Between the answer and the first key, and between two keys.
const BETWEEN_KEYS: Duration = Duration::from_secs(2);

const HELP: &str = "  d NUMBER dial 拨打 · a answer 接听 · h hang up 挂断 · 0-9*# keys 按键 · q quit 退出\n  \
                    t NUMBER transfer 转接 · c NUMBER consult on a second call 咨询 · j join the two 接通双方";

/// Runs the softphone until the user quits, or, where it only dials, until its call is over.
///
/// # Errors
/// When a socket, file or sound card cannot be had.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    if options.register.is_none() && options.dial.is_none() {
        output::print("Neither --register nor --dial: type d NUMBER 请输入 d 号码 拨打");
    }
    if let Some(key) = options.press.chars().find(|key| event_of(*key).is_none()) {
        bail!("{key} is no key: 0-9, *, #, A-D 不是有效按键");
    }
    let say = options.say.clone().unwrap_or_else(Say::default_here);
    let mut line = Line::open(options.server, say.open()?, super::USER_AGENT).await?;
    if let Some(ear) = ear(options.save.as_deref(), say == Say::Card)? {
        line.listen(ear);
    }
    if let (Some(user), Some(password)) = (options.register.clone(), options.password.clone()) {
        line.register(Account { user, password });
    }
    let mut phone = Phone { line, options, call: None, held: None, keys: Vec::new(), failed: false };
    output::print(HELP);
    if let Some(number) = phone.options.dial.clone() {
        phone.dial(&number)?;
    }
    phone.run(typed()).await?;
    Ok(if phone.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A call of the phone.
struct Call {
    session: SessionId,
    /// Whom it dialled.
    number: Option<String>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// It rings here.
    Ringing,
    /// It rings there.
    Calling,
    /// Answered at this instant.
    Talking(Instant),
}

struct Phone {
    line: Line,
    options: Options,
    /// The call that is not on hold.
    call: Option<Call>,
    /// The first call, on hold while somebody is consulted.
    held: Option<Call>,
    /// Keys still to be pressed, the next one last, and when.
    keys: Vec<(Instant, u8)>,
    failed: bool,
}

impl Phone {
    async fn run(&mut self, mut typed: mpsc::Receiver<String>) -> anyhow::Result<()> {
        let mut listens = true;
        loop {
            tokio::select! {
                happened = self.line.turn() => {
                    for happened in happened? {
                        if self.happened(happened)? {
                            return Ok(());
                        }
                    }
                }
                line = typed.recv(), if listens => match line {
                    Some(line) => {
                        if self.typed(line.trim())? {
                            return self.leave().await;
                        }
                    }
                    None => listens = false,
                },
                _ = tokio::signal::ctrl_c() => return self.leave().await,
            }
            self.when_due();
        }
    }

    /// Sends the keys that are due, and ends the call when its time is over.
    fn when_due(&mut self) {
        let now = Instant::now();
        while let Some((_, event)) = self.keys.pop_if(|(at, _)| *at <= now) {
            self.line.press(event);
        }
        let limit = self.options.seconds.map(Duration::from_secs);
        if let (Some(Call { session, stage: Stage::Talking(since), .. }), Some(limit)) = (&self.call, limit)
            && since.elapsed() >= limit
        {
            self.line.hang_up(*session);
        }
    }

    /// True when there is nothing more to wait for.
    fn happened(&mut self, happened: Happened) -> anyhow::Result<bool> {
        let event = match happened {
            Happened::Registered => {
                output::print("Registered 已注册");
                return Ok(false);
            }
            Happened::Refused(status) => {
                bail!("the registration was refused ({}): is the password right? 注册被拒绝", status.code())
            }
            Happened::Call(event) => event,
        };
        match *event {
            Event::Invited { session, request, .. } => self.invited(session, &request)?,
            Event::Ringing { .. } => output::print("It rings 对方振铃"),
            Event::Connected { session, .. } => self.connected(session),
            Event::Ended { session, why } => return Ok(self.ended(session, why)),
            Event::Referral { session, status, is_last } => self.transfer_went(session, status, is_last),
            Event::Changed { .. }
            | Event::Digit { .. }
            | Event::Early { .. }
            | Event::Reason { .. }
            | Event::Answered { .. }
            | Event::Pinged { .. }
            | Event::Redirected { .. }
            | Event::Referred { .. }
            | Event::Register { .. } => {}
        }
        Ok(false)
    }

    fn invited(&mut self, session: SessionId, request: &sip::Request) -> anyhow::Result<()> {
        if self.call.is_some() {
            self.line.decline(session);
            return Ok(());
        }
        let from = request.from().ok();
        let caller = from.as_ref().and_then(|from| from.uri.user()).unwrap_or_default();
        let caller: String = caller.chars().filter(|c| !c.is_control()).take(64).collect();
        self.call = Some(Call { session, number: None, stage: Stage::Ringing });
        self.line.ring(session);
        output::print(format_args!("Call from {caller}: a answers 来电 {caller}：按 a 接听"));
        if self.options.answer {
            self.line.accept(session, Codec::Pcma)?;
        }
        Ok(())
    }

    fn connected(&mut self, session: SessionId) {
        let now = Instant::now();
        if let Some(call) = self.call.as_mut().filter(|call| call.session == session) {
            call.stage = Stage::Talking(now);
        }
        output::print("Connected 已接通");
        let events = self.options.press.chars().filter_map(event_of);
        let due = (1..).map(|nth| now + BETWEEN_KEYS * nth);
        self.keys = due.zip(events).collect();
        self.keys.reverse();
    }

    fn ended(&mut self, session: SessionId, why: Ending) -> bool {
        if self.held.take_if(|held| held.session == session).is_some() {
            output::print("The held call is over 保持的通话已结束");
        }
        let Some(call) = self.call.take_if(|call| call.session == session) else { return false };
        let talked = match call.stage {
            Stage::Talking(since) => Some(since.elapsed().as_secs()),
            Stage::Ringing | Stage::Calling => None,
        };
        match talked {
            Some(seconds) => output::print(format_args!("Over after {seconds} s 通话结束，{seconds} 秒")),
            None => output::print(format_args!("Over before it began: {why:?} 未接通")),
        }
        self.keys.clear();
        if let Some(held) = self.held.take() {
            output::print("Back in the first call 回到第一个通话");
            self.line.retrieve(held.session);
            self.call = Some(held);
            return false;
        }
        let only_dials = self.options.register.is_none() && self.options.dial.is_some();
        self.failed |= only_dials && talked.is_none();
        only_dials
    }

    /// Does what was typed; true when that is to quit.
    fn typed(&mut self, line: &str) -> anyhow::Result<bool> {
        let session = self.call.as_ref().map(|call| (call.session, call.stage));
        match (line, session) {
            ("", _) => {}
            ("q", _) => return Ok(true),
            ("a", Some((session, Stage::Ringing))) => self.line.accept(session, Codec::Pcma)?,
            ("h", Some((session, Stage::Ringing))) => {
                self.line.decline(session);
            }
            ("h", Some((session, _))) => self.line.hang_up(session),
            (keys, Some(_)) if keys.chars().all(|key| event_of(key).is_some()) => {
                keys.chars().filter_map(event_of).for_each(|event| self.line.press(event));
            }
            ("j", Some((_, Stage::Talking(_)))) => self.join(),
            (text, call) => match (text.split_once(' '), call) {
                // A mistyped number must end neither the call nor the phone.
                (Some(("d" | "c", number)), _) if check_number(number.trim()).is_err() => {
                    output::print(format_args!("{:?} is no number 不是有效号码", number.trim()));
                }
                (Some(("d", number)), None) => self.dial(number.trim())?,
                (Some(("t", number)), Some((session, Stage::Talking(_)))) => {
                    self.transfer(session, number.trim(), None);
                }
                (Some(("c", number)), Some((_, Stage::Talking(_)))) if self.held.is_none() => {
                    self.consult(number.trim())?;
                }
                (_, _) => output::print(HELP),
            },
        }
        Ok(false)
    }

    /// Puts the call on hold and calls another number. Refused while there are two calls.
    fn consult(&mut self, number: &str) -> anyhow::Result<()> {
        if let Some(call) = self.call.take() {
            self.line.hold(call.session);
            self.held = Some(call);
        }
        self.dial(number)
    }

    /// Attended transfer: connects the peers of the two calls with each other.
    fn join(&mut self) {
        let second = self.call.as_ref().and_then(|call| Some((call.session, call.number.clone()?)));
        match (&self.held, second) {
            (Some(held), Some((second, number))) => self.transfer(held.session, &number, Some(second)),
            (Some(_) | None, Some(_) | None) => output::print(HELP),
        }
    }

    fn transfer(&mut self, session: SessionId, number: &str, second: Option<SessionId>) {
        if let Err(error) = check_number(number) {
            output::print(error);
        } else if !self.line.transfer(session, number, second) {
            output::print("The last transfer is not over 上一次转接尚未结束");
        }
    }

    /// A transfer that succeeded ends this phone's calls, as on other phones.
    fn transfer_went(&mut self, session: SessionId, status: Option<Status>, is_last: bool) {
        let code = status.map_or(0, Status::code);
        match (code, is_last) {
            (200..300, true) => {
                output::print("Transferred 已转接");
                self.line.hang_up(session);
                if let Some(call) = self.call.as_ref().filter(|_| self.held.is_some()) {
                    self.line.hang_up(call.session);
                }
            }
            (_, true) => output::print(format_args!("The transfer failed ({code}) 转接失败")),
            (180..200, false) => output::print("Transfer: it rings there 转接：对方振铃"),
            (_, false) => output::print("Transferring 正在转接"),
        }
    }

    fn dial(&mut self, number: &str) -> anyhow::Result<()> {
        check_number(number)?;
        let caller = self.options.register.clone().unwrap_or_else(|| "customer".to_owned());
        let session = self.line.dial(number, &caller)?;
        self.call = Some(Call { session, number: Some(number.to_owned()), stage: Stage::Calling });
        output::print(format_args!("Calling {number} 正在拨打"));
        Ok(())
    }

    /// Hangs up, and waits for the answer to the BYE.
    async fn leave(&mut self) -> anyhow::Result<()> {
        if let Some(held) = self.held.take() {
            self.line.hang_up(held.session);
        }
        if let Some(call) = &self.call {
            self.line.hang_up(call.session);
            let until = Instant::now() + Duration::from_secs(2);
            while self.call.is_some() && Instant::now() < until {
                for happened in self.line.turn().await? {
                    self.happened(happened)?;
                }
            }
        }
        Ok(())
    }
}

fn check_number(number: &str) -> anyhow::Result<()> {
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_alphanumeric() || "+*#-_.".contains(c)) {
        bail!("{number:?} is no number 不是有效号码");
    }
    Ok(())
}

/// The number of a key in RFC 4733.
fn event_of(key: char) -> Option<u8> {
    "0123456789*#ABCD".find(key.to_ascii_uppercase()).and_then(|at| u8::try_from(at).ok())
}

/// What is typed, line by line, until standard input ends.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    // Without the thread the phone works, only without input.
    let _ = std::thread::Builder::new().name("typed".to_owned()).spawn(read);
    lines
}
