//! Routes of contacts.

use super::{CONTACTS, LEADERS, PRESSED, SECURE, STATES};
use crate::route::Route;
use crate::routes::queries;
use crate::{contacts, moves, pausing, retention, secure, supervision};

pub(super) fn routes() -> Vec<Route> {
    [seen(), recorded(), parties(), moved(), kept()].into_iter().flatten().collect()
}

/// Contacts and their stories.
fn seen() -> Vec<Route> {
    vec![
        Route::get("/api/v1/contacts", ("listContacts", "Contacts 联系记录"), contacts::list)
            .for_roles(CONTACTS)
            .asks(queries::CONTACTS)
            .answers("[Contact]"),
        Route::get("/api/v1/contacts/{id}", ("getContact", "One contact 一次联系"), contacts::one)
            .for_roles(CONTACTS)
            .answers("WholeContact"),
        Route::get(
            "/api/v1/contacts/{id}/events",
            ("listContactEvents", "All that happened in one contact 一次联系的全部事件"),
            contacts::story,
        )
        .for_roles(CONTACTS)
        .asks(queries::STORY)
        .answers("[Event]"),
    ]
}

/// What reaches the recording, and what is pressed in secret.
fn recorded() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/contacts/{id}/recording/pause",
            ("pauseRecording", "Leave out of the recording what is said 暂停录音"),
            pausing::pause,
        )
        .for_roles(STATES)
        .takes("Reason"),
        Route::post(
            "/api/v1/contacts/{id}/recording/resume",
            ("resumeRecording", "Record again 恢复录音"),
            pausing::resume,
        )
        .for_roles(STATES),
        Route::post(
            "/api/v1/contacts/{id}/secure-input",
            ("startSecureInput", "Keep what the customer presses 开始安全输入"),
            secure::start,
        )
        .for_roles(SECURE),
        Route::delete(
            "/api/v1/contacts/{id}/secure-input",
            ("endSecureInput", "End the secure input 结束安全输入"),
            secure::end,
        )
        .for_roles(SECURE),
        Route::get(
            "/api/v1/contacts/{id}/secure-input",
            ("readSecureInput", "What was pressed, once 读取按键（仅一次）"),
            secure::read,
        )
        .for_roles(PRESSED)
        .answers("Pressed")
        .refuses(&[409]),
    ]
}

/// Who takes part in the conversation.
fn parties() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/contacts/{id}/parties",
            ("addParty", "Ask a colleague into the conversation 邀请同事加入通话"),
            supervision::add_party,
        )
        .for_roles(STATES)
        .takes("Seat"),
        Route::post(
            "/api/v1/contacts/{id}/parties/remove",
            ("removeParty", "Take a colleague out again 请同事退出通话"),
            supervision::remove_party,
        )
        .for_roles(STATES)
        .takes("Seat"),
        Route::post(
            "/api/v1/contacts/{id}/leave",
            ("leaveConversation", "Leave the customer to whoever else talks 退出通话，客户留给同事"),
            supervision::leave,
        )
        .for_roles(STATES),
    ]
}

/// Hold, consultation, transfer and parking.
fn moved() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/contacts/{id}/hold",
            ("holdCustomer", "The customer hears music 保持"),
            moves::hold,
        )
        .for_roles(STATES)
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/retrieve",
            ("retrieveCustomer", "Customer and agent hear each other again 取回"),
            moves::retrieve,
        )
        .for_roles(STATES)
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/consult",
            ("consult", "Ring somebody to speak with in private 咨询"),
            moves::consult,
        )
        .for_roles(STATES)
        .takes("WantedMove")
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/swap",
            ("swapConsultation", "Speak with the other of the two 在客户与被咨询者之间切换"),
            moves::swap,
        )
        .for_roles(STATES)
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/join",
            ("joinConsultation", "All three speak 三方通话"),
            moves::join,
        )
        .for_roles(STATES)
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/return",
            ("endConsultation", "End the consultation, back to the customer 结束咨询"),
            moves::go_back,
        )
        .for_roles(STATES)
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/complete",
            ("completeTransfer", "Whom the agent consults gets the customer 完成转接"),
            moves::complete,
        )
        .for_roles(STATES)
        .answers("Moved")
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/transfer",
            ("transfer", "Give the customer away; answered when it is known how it ended 转接"),
            moves::transfer,
        )
        .for_roles(STATES)
        .takes("WantedMove")
        .answers("Moved")
        .once(),
        Route::post(
            "/api/v1/contacts/{id}/park",
            ("park", "The customer waits in a slot until somebody picks the call up 驻留"),
            moves::park,
        )
        .for_roles(STATES)
        .answers("ParkedAt")
        .once(),
    ]
}

/// Legal holds.
fn kept() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/contacts/{id}/legal-hold",
            ("setLegalHold", "Keep its recordings whatever the rules say 法律保全"),
            retention::hold,
        )
        .for_roles(LEADERS)
        .takes("Word"),
        Route::post(
            "/api/v1/contacts/{id}/legal-hold/clear",
            ("clearLegalHold", "Let the rules apply again 解除法律保全"),
            retention::let_go,
        )
        .for_roles(LEADERS)
        .takes("Word"),
    ]
}
