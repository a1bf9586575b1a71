//! An HTTP collector for tests: keeps what it is sent and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// One request.
#[derive(Clone, Debug)]
pub struct Post {
    pub line: String,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// A collector on a port of its own, gone with the process.
pub struct HttpSink {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Raw answers to come; without one a request is accepted.
    answers: VecDeque<Vec<u8>>,
    posts: Vec<Post>,
    connections: usize,
}

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

impl HttpSink {
    pub fn start() -> Self {
        Self::start_over(|stream| stream)
    }

    /// Speaks HTTP within TLS.
    pub fn start_tls(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::start_over(move |stream| {
            StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
        })
    }

    fn start_over<S: Read + Write>(over: impl Fn(std::net::TcpStream) -> S + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                shared.lock().unwrap().connections += 1;
                let (shared, over) = (Arc::clone(&shared), over.clone());
                thread::spawn(move || serve(over(stream.unwrap()), &shared));
            }
        });
        Self { port, state }
    }

    /// Listens on a socket of the file system.
    pub fn start_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                shared.lock().unwrap().connections += 1;
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &shared));
            }
        });
        Self { port: 0, state }
    }

    /// Answers the next request with these bytes; with none it closes the connection instead.
    pub fn then(&self, answer: &str) {
        self.state.lock().unwrap().answers.push_back(answer.as_bytes().to_vec());
    }

    pub fn posts(&self) -> Vec<Post> {
        self.state.lock().unwrap().posts.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

fn serve(stream: impl Read + Write, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(post) = read(&mut reader) {
        let mut state = state.lock().unwrap();
        let answer = state.answers.pop_front().unwrap_or_else(|| ACCEPTED.to_vec());
        state.posts.push(post);
        drop(state);
        if answer.is_empty() || reader.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Post> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header =
        |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = lines.iter().skip(1).filter_map(header).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Post { line: lines[0].clone(), headers, body })
}
