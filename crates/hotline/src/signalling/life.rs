//! Signs of life: each task of the shell is asked by the channel that its work comes by, and answers.

use tokio::sync::{mpsc, oneshot};

use super::gate::Lanes;
use super::registrar::Question;
use super::shard::ShardInput;
use super::streams::HubInput;

/// The way to ask the tasks. They end by [`super::Signalling::stop`], whoever has one.
#[derive(Clone)]
pub struct Life {
    shards: Vec<mpsc::Sender<ShardInput>>,
    registrar: mpsc::Sender<(usize, Question)>,
    hub: mpsc::Sender<HubInput>,
}

impl Life {
    pub(super) fn new(
        shards: &[Lanes],
        registrar: mpsc::Sender<(usize, Question)>,
        hub: mpsc::Sender<HubInput>,
    ) -> Life {
        Life { shards: shards.iter().map(|lanes| lanes.first.clone()).collect(), registrar, hub }
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Completes when this shard has carried out what came before; false when it is gone. A full channel is waited
    /// for: set a limit.
    pub async fn shard(&self, index: usize) -> bool {
        match self.shards.get(index) {
            Some(shard) => ask(shard, ShardInput::Alive).await,
            None => false,
        }
    }

    /// The same of the registrar.
    pub async fn registrar(&self) -> bool {
        ask(&self.registrar, |answer| (0, Question::Alive(answer))).await
    }

    /// The same of the owner of the connections by TCP.
    pub async fn connections(&self) -> bool {
        ask(&self.hub, HubInput::Life).await
    }
}

async fn ask<T>(channel: &mpsc::Sender<T>, question: impl FnOnce(oneshot::Sender<()>) -> T) -> bool {
    let (answer, answered) = oneshot::channel();
    channel.send(question(answer)).await.is_ok() && answered.await.is_ok()
}
