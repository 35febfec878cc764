//! Messages over a link: what is said together leaves as one packet, what comes is taken one by one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use kuafu_core::Code;
use kuafu_wire::{ClientMessage, Message, ServerMessage, decode_packet};
use tokio::time::{Instant, timeout, timeout_at};

use crate::link::Link;
use crate::{ClientError, Loss, NotSent, Options, Transport};

/// One connection to a server.
pub(crate) struct Channel {
    link: Link,
    /// Messages of the packet that leaves next.
    open: BytesMut,
    inbox: VecDeque<ServerMessage>,
    packet_bytes_max: usize,
    queue_bytes_max: usize,
    pub(crate) heard: Heard,
}

/// What came over a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Channel {
    pub(crate) async fn connect(
        host: &str,
        port: u16,
        transport: Transport,
        options: &Options,
    ) -> Result<Self, ClientError> {
        let connecting = Link::connect(host, port, transport, options.packet_bytes_max);
        let link = timeout(options.answer_timeout, connecting)
            .await
            .map_err(|_| ClientError::TimedOut("the connection"))??;
        Ok(Self {
            link,
            open: BytesMut::new(),
            inbox: VecDeque::new(),
            packet_bytes_max: options.limits.packet_bytes_max as usize,
            queue_bytes_max: options.limits.write_queue_bytes_max as usize,
            heard: Heard::default(),
        })
    }

    /// Takes a message; it leaves as the channel is polled.
    pub(crate) fn say(&mut self, message: &ClientMessage) -> Result<(), NotSent> {
        let waiting = self.link.waiting() + self.open.len();
        if waiting > self.queue_bytes_max {
            return Err(NotSent::QueueFull(waiting));
        }
        let before = self.open.len();
        message.encode(&mut self.open);
        if before > 0 && self.open.len() > self.packet_bytes_max {
            let message = self.open.split_off(before);
            self.close_packet();
            self.open = message;
        }
        Ok(())
    }

    fn close_packet(&mut self) {
        if !self.open.is_empty() {
            self.link.send(&self.open);
            self.open.clear();
        }
    }

    /// Ready when all that was said has left.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Loss>> {
        self.close_packet();
        self.link.poll_flush(cx)
    }

    /// The next message; sends on the way.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<ServerMessage, Loss>> {
        if let Poll::Ready(flushed) = self.poll_flush(cx) {
            flushed?;
        }
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Poll::Ready(Ok(message));
            }
            let packet = ready!(self.link.poll_packet(cx))?;
            self.heard.packets += 1;
            self.heard.bytes += packet.len() as u64;
            for message in decode_packet(&packet) {
                self.inbox.push_back(message?);
            }
        }
    }

    /// The next message, until `deadline`. An Error that ends the connection or answers what was said is an error.
    pub(crate) async fn answer(
        &mut self,
        asked: &'static str,
        deadline: Instant,
    ) -> Result<ServerMessage, ClientError> {
        let message = timeout_at(deadline, poll_fn(|cx| self.poll_message(cx)));
        match message.await.map_err(|_| ClientError::TimedOut(asked))?? {
            ServerMessage::Error { code, fatal: true, text, .. } if ends_for_its_own_sake(code) => {
                Err(Loss::Told { code, text }.into())
            }
            ServerMessage::Error { code, text, .. } => Err(ClientError::Refused { code, text }),
            message => Ok(message),
        }
    }

    /// Says something and waits for what is said to it.
    pub(crate) async fn ask(
        &mut self,
        message: &ClientMessage,
        patience: Duration,
    ) -> Result<ServerMessage, ClientError> {
        self.say(message).map_err(|_| Loss::Closed)?;
        self.answer(message.name(), Instant::now() + patience).await
    }
}

/// Codes that end a connection for its own sake, not as an answer.
fn ends_for_its_own_sake(code: u16) -> bool {
    use Code::{Idle, RateExceeded, ServerFault, ServerStopping, TooSlow};
    matches!(Code::from_number(code), Some(Idle | RateExceeded | ServerFault | ServerStopping | TooSlow))
}
