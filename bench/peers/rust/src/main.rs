//! `bench-server count|echo`: what Qbp's peers do, as it is written in Rust: tokio on one thread, tokio-util's codecs, prost.
//!
//! Prints its port; then answers each line on standard input with one of its own: `cpu` with the microseconds of processor time
//! it has had, `expect N` at once, and `arrived` with the count and the checksum of ids when N messages have come since.

mod frames;
mod messages;

use std::{cell::RefCell, rc::Rc};

use frames::Frames;
use futures_util::{SinkExt, StreamExt};
use messages::Message;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::codec::Framed;

type Fault = Box<dyn std::error::Error>;

/** How many messages that are there an echo server takes before it hands their answers to the system. */
const AT_ONCE: usize = 1024;

#[derive(Default)]
struct Tally {
    count: u32,
    checksum: i32,
    expected: u32,
    arrived: Rc<Notify>,
}

impl Tally {
    fn add(&mut self, message: &Message) {
        self.checksum = self.checksum.wrapping_mul(31).wrapping_add(message.id() as i32);
        self.count += 1;
        if self.count == self.expected {
            self.arrived.notify_one();
        }
    }
}

async fn count(socket: TcpStream, tally: Rc<RefCell<Tally>>) -> Result<(), Fault> {
    let mut stream = Framed::new(socket, Frames::default());
    while let Some(message) = stream.next().await {
        tally.borrow_mut().add(&message?);
    }
    Ok(())
}

async fn echo(socket: TcpStream) -> Result<(), Fault> {
    let (mut sink, stream) = Framed::new(socket, Frames::default()).split();
    let mut stream = stream.ready_chunks(AT_ONCE);
    while let Some(messages) = stream.next().await {
        for message in messages {
            sink.feed(message?).await?;
        }
        sink.flush().await?;
    }
    Ok(())
}

/// Microseconds of processor time, as Node's `process.cpuUsage()` counts them.
fn processor_time() -> i64 {
    // SAFETY: `getrusage` fills the struct that it is given, which is all integers.
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime].iter().map(|time| time.tv_sec * 1_000_000 + time.tv_usec).sum()
}

async fn answer_questions(tally: Rc<RefCell<Tally>>) -> Result<(), Fault> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["expect", number, ..] => {
                tally.replace(Tally { expected: number.parse()?, ..Tally::default() });
                println!("0 0");
            }
            ["arrived"] => {
                let arrived = tally.borrow().arrived.clone();
                arrived.notified().await;
                let tally = tally.borrow();
                println!("{} {}", tally.count, tally.checksum);
            }
            _ => println!("{}", processor_time()),
        }
    }
    Ok(())
}

async fn accept(listener: TcpListener, echoes: bool, tally: Rc<RefCell<Tally>>) -> Result<(), Fault> {
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let tally = tally.clone();
        tokio::task::spawn_local(async move {
            let served = if echoes { echo(socket).await } else { count(socket, tally).await };
            if let Err(fault) = served {
                eprintln!("bench-server: {fault}");
            }
        });
    }
}

async fn serve(echoes: bool) -> Result<(), Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let tally = Rc::new(RefCell::new(Tally::default()));
    tokio::task::spawn_local(accept(listener, echoes, tally.clone()));
    answer_questions(tally).await
}

fn main() -> Result<(), Fault> {
    let echoes = std::env::args().nth(1).as_deref() == Some("echo");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(echoes))
}
