//! A real NATS server, or a cluster of them, on loopback: for the tests and figures of what keeps its things in JetStream.
//!
//! Comes in: how many nodes; goes out: their addresses, who leads what, and their end. What is stored and by whom is not known here.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::crew::Crew;
use crate::wait;

/// How long an election may take on a busy machine; on an idle one it is 4 to 9 seconds.
pub const ELECTION: Duration = Duration::from_secs(60);

/// The largest message these servers take: room for the largest body in base64.
const MAX_PAYLOAD: &str = "4MB";
const ROOM: &str = "64GB";
/// What a server answers about itself at most waits this long.
const ANSWER: Duration = Duration::from_secs(5);

/// What the servers are like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// One server alone, or as many as form a cluster.
    pub nodes: usize,
    /// Without it, the servers only pass messages on.
    pub jetstream: bool,
    /// User and password that every client must show.
    pub sign_in: Option<(String, String)>,
    /// As a server's configuration writes it; `None` is the server's own limit, 1 MiB.
    pub max_payload: Option<&'static str>,
    /// How much each may store. Said, since a server that is not told looks at how full the disk is.
    pub room: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self { nodes: 3, jetstream: true, sign_in: None, max_payload: Some(MAX_PAYLOAD), room: ROOM }
    }
}

/// Servers that live as long as this value.
#[derive(Debug)]
pub struct Cluster {
    // First the programs end, then their folder goes.
    crew: Crew,
    nodes: Vec<Node>,
    setup: Setup,
    folder: TempDir,
}

#[derive(Debug)]
struct Node {
    name: String,
    client: u16,
    route: u16,
    monitor: u16,
}

/// What a stream holds, as its leader tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How many messages there are.
    pub messages: u64,
    /// The sequence of the oldest.
    pub first: u64,
    /// The sequence of the newest.
    pub last: u64,
}

impl Cluster {
    /// Three servers with JetStream; returns when they have a leader.
    pub fn start() -> Result<Self> {
        Self::with(Setup::default())
    }

    /// Returns when every server is there and, with JetStream, when they have a leader.
    pub fn with(setup: Setup) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("belfry-nats-").tempdir()?;
        let crew = Crew::new(folder.path())?;
        let ports = free_ports(setup.nodes * 3)?;
        let nodes = ports.chunks_exact(3).enumerate().map(|(at, ports)| match *ports {
            [client, route, monitor] => Ok(Node { name: format!("n{}", at + 1), client, route, monitor }),
            _ => bail!("a server needs three ports"),
        });
        let mut cluster = Self { crew, nodes: nodes.collect::<Result<_>>()?, setup, folder };
        for at in 0..cluster.nodes.len() {
            cluster.launch(at)?;
        }
        cluster.wait_until_whole()?;
        Ok(cluster)
    }

    /// What a client is told to connect to: every server, separated by commas.
    pub fn url(&self) -> String {
        let addresses: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.client)).collect();
        format!("nats://{}", addresses.join(","))
    }

    /// How many servers there are, dead ones included.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Ends one server as `kill -9` does; what it has stored stays.
    pub fn kill(&mut self, at: usize) -> Result<()> {
        let name = self.node(at)?.name.clone();
        self.crew.kill(&name)
    }

    /// Starts a server again on its own ports with what it had stored; returns when it takes connections.
    pub fn restart(&mut self, at: usize) -> Result<()> {
        self.launch(at)?;
        self.wait_until_up(at)
    }

    /// Which servers run.
    pub fn alive(&self) -> Vec<usize> {
        let runs = |(at, node): (usize, &Node)| self.crew.pid(&node.name).map(|_| at);
        self.nodes.iter().enumerate().filter_map(runs).collect()
    }

    /// Who leads a stream, asked of every server that runs. A server that was just killed leads nothing.
    pub fn leader_of(&self, stream: &str) -> Result<Option<usize>> {
        for at in self.alive() {
            let Some(detail) = self.detail(at, stream)? else { continue };
            let leader = detail.pointer("/cluster/leader").and_then(Value::as_str).unwrap_or_default();
            let leader = self.nodes.iter().position(|node| node.name == leader);
            if let Some(leader) = leader.filter(|leader| self.alive().contains(leader)) {
                return Ok(Some(leader));
            }
            // A server alone leads all of its streams and does not say so.
            if self.nodes.len() == 1 {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Waits until a stream has a leader among those that run, and says who.
    pub fn wait_for_leader(&self, stream: &str) -> Result<usize> {
        wait::until(&format!("a leader of {stream}"), ELECTION, || self.leader_of(stream))
    }

    /// What a stream holds, told by its leader.
    pub fn held(&self, stream: &str) -> Result<Held> {
        let leader = self.leader_of(stream)?.with_context(|| format!("{stream} has no leader"))?;
        let detail = self.detail(leader, stream)?.with_context(|| format!("{stream} is gone"))?;
        let count = |what: &str| detail.pointer(&format!("/state/{what}")).and_then(Value::as_u64);
        let (messages, first, last) = (count("messages"), count("first_seq"), count("last_seq"));
        let held = messages.zip(first).zip(last);
        held.map(|((messages, first), last)| Held { messages, first, last })
            .with_context(|| format!("no state in {detail}"))
    }

    /// Waits until every server runs and all of them have caught up with the stream's leader.
    pub fn wait_until_current(&self, stream: &str) -> Result<()> {
        wait::until(&format!("every replica of {stream}"), ELECTION, || {
            let Some(leader) = self.leader_of(stream)? else { return Ok(None) };
            let detail = self.detail(leader, stream)?;
            let replicas = detail.as_ref().and_then(|detail| detail.pointer("/cluster/replicas")?.as_array());
            let current = replicas.is_some_and(|replicas| {
                replicas.len() + 1 == self.nodes.len()
                    && replicas.iter().all(|one| {
                        let is = |what: &str| one.get(what).and_then(Value::as_bool) == Some(true);
                        is("current") && !is("offline")
                    })
            });
            Ok(current.then_some(()))
        })
    }

    fn node(&self, at: usize) -> Result<&Node> {
        self.nodes.get(at).with_context(|| format!("there is no server {at}"))
    }

    fn launch(&mut self, at: usize) -> Result<()> {
        let name = self.node(at)?.name.clone();
        let path = self.folder.path().join(format!("{name}.conf"));
        std::fs::write(&path, self.configuration(at)?)?;
        let mut command = Command::new(program());
        command.arg("-c").arg(&path).stdin(Stdio::null());
        self.crew.start(&name, &mut command)
    }

    fn configuration(&self, at: usize) -> Result<String> {
        let node = self.node(at)?;
        let mut text = format!(
            "server_name: {}\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n",
            node.name, node.client, node.monitor
        );
        if let Some(limit) = self.setup.max_payload {
            writeln!(text, "max_payload: {limit}")?;
        }
        if self.setup.jetstream {
            let store = self.folder.path().join(&node.name);
            let store = store.display().to_string();
            writeln!(text, "jetstream {{ store_dir: {store:?}, max_file: {} }}", self.setup.room)?;
        }
        if let Some((user, password)) = &self.setup.sign_in {
            writeln!(text, "authorization {{ user: {user:?}, password: {password:?} }}")?;
        }
        if self.nodes.len() > 1 {
            let routes: Vec<String> =
                self.nodes.iter().map(|node| format!("\"nats://127.0.0.1:{}\"", node.route)).collect();
            let routes = routes.join(", ");
            writeln!(
                text,
                "cluster {{ name: belfry, listen: \"127.0.0.1:{}\", routes: [{routes}] }}",
                node.route
            )?;
        }
        Ok(text)
    }

    fn wait_until_up(&mut self, at: usize) -> Result<()> {
        let (name, port) = (self.node(at)?.name.clone(), self.node(at)?.client);
        wait::until(&format!("the NATS server {name}"), wait::LIMIT, || {
            self.crew.check(&name)?;
            Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })
    }

    fn wait_until_whole(&mut self) -> Result<()> {
        for at in 0..self.nodes.len() {
            self.wait_until_up(at)?;
        }
        if !self.setup.jetstream || self.nodes.len() == 1 {
            return Ok(());
        }
        // Every server must know the leader: one that does not is no place yet for a stream to live at.
        for at in 0..self.nodes.len() {
            wait::until("JetStream's leader", ELECTION, || {
                let told = self.ask(at, "/jsz")?;
                let leader = told.pointer("/meta_cluster/leader").and_then(Value::as_str);
                let size = told.pointer("/meta_cluster/cluster_size").and_then(Value::as_u64);
                let whole = usize::try_from(size.unwrap_or_default()).is_ok_and(|size| size == self.size());
                Ok((leader.is_some_and(|leader| !leader.is_empty()) && whole).then_some(()))
            })?;
        }
        Ok(())
    }

    /// What one server knows of a stream.
    fn detail(&self, at: usize, stream: &str) -> Result<Option<Value>> {
        let told = self.ask(at, "/jsz?streams=true")?;
        let accounts = told.get("account_details").and_then(Value::as_array).cloned().unwrap_or_default();
        let streams =
            accounts.iter().filter_map(|account| account.get("stream_detail")?.as_array()).flatten();
        Ok(streams.into_iter().find(|detail| detail.get("name").is_some_and(|name| name == stream)).cloned())
    }

    /// Asks a server's monitoring port. One that does not answer knows nothing.
    fn ask(&self, at: usize, what: &str) -> Result<Value> {
        let port = self.node(at)?.monitor;
        Ok(answer(port, what).unwrap_or(Value::Null))
    }
}

fn answer(port: u16, what: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    // HTTP/1.0, so that the body is neither chunked nor followed by anything.
    stream.write_all(format!("GET {what} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Debian keeps it where only root's path leads.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/nats-server");
    if debian.exists() { debian } else { PathBuf::from("nats-server") }
}

/// Ports that were free together a moment ago, each another.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: HashSet<u16> = held.iter().filter_map(|one| Some(one.local_addr().ok()?.port())).collect();
    if ports.len() != count {
        bail!("no free ports");
    }
    Ok(ports.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_servers_agree_on_a_leader_and_one_of_them_may_die_and_return() {
        let mut cluster = Cluster::start().unwrap();
        assert_eq!(cluster.alive(), [0, 1, 2]);
        assert_eq!(cluster.url().matches("127.0.0.1:").count(), 3);
        cluster.kill(1).unwrap();
        assert_eq!(cluster.alive(), [0, 2]);
        assert_eq!(cluster.leader_of("nothing").unwrap(), None);
        cluster.restart(1).unwrap();
        assert_eq!(cluster.alive(), [0, 1, 2]);
    }
}
