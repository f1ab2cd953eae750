//! What people ask.

use model::{
    AgentEvent, AgentId, CenterEvent, Class, ContactEvent, Event, Language, QueueEvent, QueueName,
    RecordingState, SampleFrame, Shift, Time, Way,
};
use testing::{CALLER_NAME, PATIENCE, call, contact, recording};

use crate::stories::world::{QUALITY, World, each_database};
use crate::{ContactFilter, RecordingFilter, Role, StoreError};

#[test]
fn lists_show_what_happened_with_the_names_of_the_contract() {
    each_database("lists", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        world.append(&journal, call(1, "complaint", "2001"));
        let quality = QUALITY;
        world.append(
            &journal,
            [Event::Contact(ContactEvent::QualityMeasured { contact: contact(0), agent: None, quality })],
        );
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let all = world.store.contacts(&ContactFilter::default()).await.unwrap();
        assert_eq!(all.iter().map(|c| c.id).collect::<Vec<_>>(), [contact(1), contact(0)]);
        let json = serde_json::to_value(&all[0]).unwrap();
        assert_eq!(json["end"]["class"], "answered");
        assert_eq!(json["queue"], "complaint");
        assert_eq!(json["recording_id"], recording(1).to_string());
        assert_eq!(json["diversions"], serde_json::json!([{"number": "4001234567", "reason": "user_busy"}]));
        assert_eq!(json["caller_name"], CALLER_NAME.replace('\0', ""));
        for key in ["id", "caller", "number", "language", "agent", "started_at", "answered_at", "ended_at"] {
            assert!(json[key].is_string(), "{key} in {json}");
        }
        let filter = ContactFilter { queue: Some("inquiry".parse().unwrap()), ..ContactFilter::default() };
        assert_eq!(world.store.contacts(&filter).await.unwrap().len(), 1);
        let filter = ContactFilter { before: Some(contact(1)), limit: 1, ..ContactFilter::default() };
        assert_eq!(world.store.contacts(&filter).await.unwrap()[0].id, contact(0));
        let filter = RecordingFilter { contact: Some(contact(0)), ..RecordingFilter::default() };
        let recordings = world.store.recordings(&filter).await.unwrap();
        assert_eq!((recordings.len(), recordings[0].state), (1, RecordingState::Sealed));
        assert_eq!(recordings[0].gaps[0].from_ms, 20);
        let segment = &world.store.segments(contact(0)).await.unwrap()[0];
        assert_eq!((segment.holds, segment.held_ms), (2, 300), "holds of both sides overlap");
        let quality = world.store.quality(contact(0)).await.unwrap();
        assert_eq!((quality.len(), &quality[0].agent, quality[0].figures), (1, &None, QUALITY));
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn what_is_open_when_the_clock_is_set_keeps_its_length() {
    each_database("clock", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        world.append(&journal, call(1, "inquiry", "1001").into_iter().take(4));
        world.append(&journal, [Event::Center(CenterEvent::ClockSet { by_ms: 86_400_000 })]);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let rows = world.store.contacts(&ContactFilter::default()).await.unwrap();
        let [open, over] = &rows[..] else { panic!("{rows:?}") };
        let days = open.started_at.since(over.started_at).as_secs() / 86_400;
        assert_eq!((days, over.ended_at.is_some()), (1, true), "what is over stays where it was");
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn queues_agents_and_the_frame_of_a_sample() {
    each_database("queues", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        world.append(&journal, call(1, "inquiry", "1001").into_iter().take(4));
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let names: Vec<QueueName> = vec!["inquiry".parse().unwrap(), "complaint".parse().unwrap()];
        let queues = world.store.queues(&names, Time::default(), world.now() + PATIENCE * 10).await.unwrap();
        assert_eq!(queues[0].service_level, None);
        let inquiry = &queues[1];
        assert_eq!((inquiry.waiting, inquiry.offered, inquiry.answered, inquiry.abandoned), (1, 2, 1, 0));
        assert_eq!(inquiry.service_level, Some(0.5), "one has waited for longer than 20 s");
        let queues = world.store.queues(&names, Time::default(), Time::default()).await.unwrap();
        assert_eq!(queues[1].service_level, Some(1.0), "one still waits below the threshold");
        let agents: Vec<AgentId> = vec!["1002".parse().unwrap()];
        let agents = world.store.agents(&agents).await.unwrap();
        assert_eq!((agents[0].shift, agents[1].shift), (Shift::Ready, Shift::SignedOut));
        assert!(world.store.knows_queue(&names[0]).await.unwrap());
        assert!(!world.store.knows_queue(&names[1]).await.unwrap());
        assert!(world.store.knows_agent(&"1001".parse().unwrap()).await.unwrap());
        assert!(!world.store.knows_agent(&"9999".parse().unwrap()).await.unwrap());
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_frozen_frame_stays_as_it_was_and_each_limit_narrows_it() {
    each_database("frames", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        let frozen = world.now();
        world.append(&journal, [Event::Center(CenterEvent::ClockSet { by_ms: 86_400_000 })]);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let ended = world.store.contact(contact(0)).await.unwrap().unwrap().ended_at.unwrap();
        let frame = SampleFrame::until(ended.max(frozen));
        let found = async |frame: &SampleFrame| world.store.sampling_frame(frame).await.unwrap();
        assert_eq!(found(&frame).await, [contact(0)]);
        assert!(found(&SampleFrame::until(Time::default())).await.is_empty());
        let fitting = SampleFrame {
            queue: Some("inquiry".parse().unwrap()),
            agent: Some("1001".parse().unwrap()),
            outcome: Some(Class::Answered),
            direction: Some(Way::Inbound),
            language: Some(Language::ZhCn),
            shortest_s: Some(0),
            longest_s: Some(86_400),
            since: Some(Time::default()),
            ..frame.clone()
        };
        assert_eq!(found(&fitting).await, [contact(0)]);
        for narrower in [
            SampleFrame { queue: Some("complaint".parse().unwrap()), ..frame.clone() },
            SampleFrame { agent: Some("1002".parse().unwrap()), ..frame.clone() },
            SampleFrame { outcome: Some(Class::Failed), ..frame.clone() },
            SampleFrame { language: Some(Language::EnUs), ..frame.clone() },
            SampleFrame { shortest_s: Some(86_400), ..frame.clone() },
            SampleFrame { since: Some(frame.until + PATIENCE), ..frame.clone() },
        ] {
            assert!(found(&narrower).await.is_empty(), "{narrower:?}");
        }
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_token_opens_until_it_is_revoked() {
    each_database("tokens", async |world: World| {
        let (store, now) = (&world.store, world.now());
        let secret = store.create_token("board", Role::Viewer, None, now).await.unwrap();
        assert_eq!(secret.len(), 46);
        assert_eq!(store.authenticate(&secret).await.unwrap().unwrap().role, Role::Viewer);
        assert_eq!(store.authenticate("hl_guess").await.unwrap(), None);
        let again = store.create_token("board", Role::Admin, None, now).await;
        assert!(matches!(again, Err(StoreError::NameTaken { .. })));
        assert!(store.revoke_token("board", now).await.unwrap());
        assert!(!store.revoke_token("board", now).await.unwrap());
        assert_eq!(store.authenticate(&secret).await.unwrap(), None);
        let agent: AgentId = "1001".parse().unwrap();
        let own = store.create_token("board", Role::Agent, Some(agent.clone()), now).await.unwrap();
        assert_eq!(store.authenticate(&own).await.unwrap().unwrap().agent, Some(agent));
        assert_eq!(store.tokens().await.unwrap().len(), 2);
    });
}

#[test]
fn a_reader_who_resumes_gets_each_record_once() {
    each_database("resume", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, (0..30).flat_map(|n| call(n, "inquiry", "1001")));
        let (mut seen, last) = (Vec::new(), journal.last_seq());
        while seen.last() != Some(&last) {
            let after = seen.last().copied().unwrap_or(0);
            let records = world.store.wait_journal(after, 7, PATIENCE).await.unwrap();
            assert!(!records.is_empty() && records.len() <= 7);
            seen.extend(records.iter().map(|record| record.seq));
        }
        assert_eq!(seen, (1..=last).collect::<Vec<_>>());
        // One that starts later reads the same from the database.
        let fresh = crate::queries::read_journal(world.store.db(), 0, 1000).await.unwrap();
        assert_eq!(fresh, world.store.read_journal(0, 1000).await.unwrap());
        assert!(world.store.wait_journal(last, 7, std::time::Duration::ZERO).await.unwrap().is_empty());
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn how_agents_stood_is_found_behind_any_start_of_the_center() {
    use model::{Activity, NotReadyReason, Shift};
    each_database("standings", async |world: World| {
        let journal = world.journal().await;
        let id = |name: &str| name.parse::<model::AgentId>().unwrap();
        let changed = |name: &str, shift, activity, seat_online| {
            Event::Agent(AgentEvent::Changed { agent: id(name), shift, activity, seat_online })
        };
        let started = || Event::Center(CenterEvent::Started { version: "1".to_owned() });
        let not_ready = Shift::NotReady(NotReadyReason::Break);
        world.append(&journal, [started()]);
        world.append(&journal, call(1, "inquiry", "1001"));
        world.append(
            &journal,
            [
                changed("1001", Shift::Ready, Activity::WrapUp, true),
                changed("1002", not_ready, Activity::Idle, true),
                changed("1003", Shift::SignedOut, Activity::Idle, false),
                started(),
                started(),
            ],
        );
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let all = ["1001", "1002", "1003", "1004"].map(id);
        let standings = world.store.standings(&all).await.unwrap();
        let told: Vec<_> =
            standings.iter().map(|one| (one.agent.as_str(), one.shift, one.activity)).collect();
        assert_eq!(told, [("1001", Shift::Ready, Activity::WrapUp), ("1002", not_ready, Activity::Idle)]);
        let (queue, ended) = standings[0].last.clone().unwrap();
        assert_eq!((queue.as_str(), ended.is_some()), ("inquiry", true));
        assert_eq!(standings[1].last, None);
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn an_agent_who_missed_the_last_offer_stands_so_after_any_start() {
    use model::{Activity, OfferOutcome, Refusal, Shift};
    each_database("missed", async |world: World| {
        let journal = world.journal().await;
        let offered = |n: u16, name: &str, outcome: Option<OfferOutcome>| {
            let agent = name.parse::<model::AgentId>().unwrap();
            let changed = |activity| {
                Event::Agent(AgentEvent::Changed {
                    agent: agent.clone(),
                    shift: Shift::Ready,
                    activity,
                    seat_online: true,
                })
            };
            let (mut made, mut ended) = (None, None);
            for event in call(n, "inquiry", name) {
                match event {
                    Event::Queue(QueueEvent::OfferMade { .. }) => made = Some(event),
                    Event::Queue(QueueEvent::OfferEnded { offer, contact, .. }) => {
                        ended = outcome.map(|outcome| {
                            Event::Queue(QueueEvent::OfferEnded {
                                offer,
                                contact,
                                agent: agent.clone(),
                                outcome,
                            })
                        });
                    }
                    _ => {}
                }
            }
            let idle = ended.is_some().then(|| changed(Activity::Idle));
            [made, Some(changed(Activity::Offered)), idle, ended].into_iter().flatten()
        };
        world.append(&journal, offered(1, "1001", Some(OfferOutcome::TimedOut)));
        world.append(&journal, offered(2, "1002", Some(OfferOutcome::CallerGone)));
        world.append(&journal, offered(3, "1003", Some(OfferOutcome::Refused(Refusal::Declined))));
        world.append(&journal, offered(4, "1004", None));
        world.append(&journal, [Event::Center(CenterEvent::Started { version: "1".to_owned() })]);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let all = ["1001", "1002", "1003", "1004"].map(|name| name.parse().unwrap());
        let standings = world.store.standings(&all).await.unwrap();
        let missed: Vec<bool> = standings.iter().map(|one| one.missed.is_some()).collect();
        assert_eq!(missed, [true, false, true, false], "{standings:?}");
        assert!(journal.close(PATIENCE));
    });
}
