//! The machine: its clock, and how many files it lets the process open.

use model::Time;
use text::text;

use super::Finding;
use crate::config::Server;
use crate::system::clock::now;
use crate::system::folders::Folders;

/// When the program was built, in seconds since 1970.
const BUILT_S: &str = env!("HOTLINE_BUILT_S");
const YEAR_MS: i64 = 365 * 86_400_000;
/// Files of one recorded call: two sockets for each of two legs, its recording, and a connection by TCP.
pub(crate) const FILES_A_CALL: u64 = 6;
/// Files that are open without a call: database, log, event streams, connections of telephones.
pub(crate) const OTHER_FILES: u64 = 1_000;

pub(super) fn check(server: &Server, _folders: &Folders) -> Vec<Finding> {
    vec![clock(now(), built()), files(server, udp::files_allowed().map(|(_, most)| most))]
}

fn built() -> Time {
    Time::from_unix_ms(BUILT_S.parse::<i64>().unwrap_or(0).saturating_mul(1_000))
}

/// A clock of long ago dates recordings so that rules of retention erase them once it is set right.
fn clock(now: Time, built: Time) -> Finding {
    if now.unix_ms() >= built.unix_ms() - YEAR_MS {
        return Finding::good("clock", text!("the machine's clock shows {now}", "系统时间为 {now}"));
    }
    Finding::failed(
        "clock",
        text!(
            "the machine's clock shows {now}, more than a year before this program was built ({built})",
            "系统时间为 {now}，比本程序的构建时间（{built}）早一年以上"
        ),
        text!(
            "set it (timedatectl set-ntp true), and start after time-sync.target",
            "请校时（timedatectl set-ntp true），并在 time-sync.target 之后启动"
        ),
    )
}

fn files(server: &Server, allowed: Option<u64>) -> Finding {
    let calls = u64::try_from(server.max_calls).unwrap_or(u64::MAX);
    let needed = calls.saturating_mul(FILES_A_CALL).saturating_add(OTHER_FILES);
    match allowed {
        Some(allowed) if allowed < needed => {
            let carried = allowed.saturating_sub(OTHER_FILES) / FILES_A_CALL;
            Finding::warning(
                "open_files",
                text!(
                    "{allowed} open files are allowed, enough for {carried} calls; max_calls is {calls}",
                    "允许打开 {allowed} 个文件，只够 {carried} 路通话；max_calls 为 {calls}"
                ),
                text!(
                    "allow {needed} (LimitNOFILE= of the service, or ulimit -n)",
                    "请提高到 {needed}（服务的 LimitNOFILE=，或 ulimit -n）"
                ),
            )
        }
        Some(allowed) => Finding::good(
            "open_files",
            text!(
                "{allowed} open files are allowed, {needed} needed",
                "允许打开 {allowed} 个文件，需要 {needed} 个"
            ),
        ),
        None => Finding::good("open_files", text!("the system names no limit", "系统未给出上限")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;

    #[test]
    fn a_clock_of_before_the_program_was_built_is_refused() {
        let built = Time::from_unix_ms(1_790_000_000_000);
        assert_eq!(clock(built.shifted(-YEAR_MS), built).state, State::Good);
        assert_eq!(clock(built.shifted(-YEAR_MS - 1), built).state, State::Failed);
        assert_eq!(clock(Time::from_unix_ms(0), built).state, State::Failed);
    }
}
