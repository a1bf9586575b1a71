//! `cargo xtask demo`: the whole product at work on a small shop, one service of which is slow now and then.

mod blame;
mod traffic;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::build::{self, Profile};
use crate::log::Log;
use crate::ports;
use crate::root::target;
use crate::shop::{FRONT, SERVICES, Shop};
use crate::spanlet::Spanlet;
use crate::stage::{spinner, stage};
use crate::venv::Venv;
use blame::Blame;
use traffic::Visit;

/// Zipkin's ports, which the two lines send to and where people look.
const HTTP_PORT: u16 = 9411;
const SCRIBE_PORT: u16 = 9410;
/// Between the requests that go on until Ctrl-C.
const PAUSE: Duration = Duration::from_millis(250);

/// What to show.
pub struct Options {
    /// Check everything and end, instead of going on until Ctrl-C.
    pub once: bool,
    pub requests: usize,
    pub profile: Profile,
}

/// Builds, starts, drives and explains; ends what it started.
pub fn run(options: &Options) -> Result<()> {
    let products = build::all(options.profile)?;
    let python = stage("python", |log| python(&products.wheel, log))?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("cannot take Ctrl-C")?;

    let log = Log::create("demo")?;
    let data = tempfile::tempdir().context("no folder for the spans")?;
    let [http_port, scribe_port] = listen_ports(options.once)?;
    let mut server = Spanlet::start(&products.binary, data.path(), http_port, scribe_port, &log)?;
    let drawn = fastrand::choice(SERVICES).context("the shop is empty")?;
    let mut shop = Shop::start(&python, scribe_port, drawn, &log)?;
    println!("\n  page   {}/zipkin/", server.address);
    println!("  shop   {}/ ({} services)", shop.address, SERVICES.len());

    let visits = traffic::drive(&shop, options.requests, &stop)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    let checked = whole::check_all(&server, &visits)?;
    let blame = blame::who(&server.traces(FRONT, visits.len())?);
    if options.once {
        return judge(&checked, visits.len(), blame, drawn, &server);
    }
    explain(&server, blame.as_ref(), visits.len());
    go_on(&mut server, &mut shop, &stop)
}

/// Makes the environment that the shop runs in: our wheel, and the newest eventlet.
fn python(wheel: &Path, log: &Log) -> Result<PathBuf> {
    let venv = Venv::ensure(target().join("demo/venv"), log)?;
    venv.pip(&["install", "--upgrade", "eventlet", "requests"], log)?;
    venv.install_wheel(wheel, log)?;
    Ok(venv.program("python"))
}

fn listen_ports(once: bool) -> Result<[u16; 2]> {
    if once {
        return ports::free();
    }
    if ports::is_free(HTTP_PORT) && ports::is_free(SCRIBE_PORT) {
        return Ok([HTTP_PORT, SCRIBE_PORT]);
    }
    println!("  somebody listens on {HTTP_PORT} or {SCRIBE_PORT} already, so the demo takes other ports");
    ports::free()
}

/// Prints what was checked; fails when a check did.
fn judge(
    checked: &whole::Checked,
    requests: usize,
    blame: Option<Blame>,
    drawn: &str,
    server: &Spanlet,
) -> Result<()> {
    for wrong in &checked.wrong {
        println!("  FAIL   {wrong}");
    }
    println!(
        "  whole  {} of {requests} requests are one whole trace: {} SERVER and {} CLIENT halves as the call graph says, \
         each CLIENT half with its SERVER half under the same id, one root",
        requests - checked.wrong.len(),
        checked.servers,
        checked.clients,
    );
    explain(server, blame.as_ref(), requests);
    println!("  drawn  {drawn}");
    ensure!(checked.wrong.is_empty(), "{} of {requests} requests are no whole trace", checked.wrong.len());
    match blame {
        Some(blame) if blame.service == drawn => Ok(()),
        Some(blame) => bail!("the spans say that {} was slow, but it was {drawn}", blame.service),
        None => bail!("no request was slow; {drawn} should have been"),
    }
}

/// Says which service made requests slow, and where to look at one of them.
fn explain(server: &Spanlet, blame: Option<&Blame>, requests: usize) {
    let Some(blame) = blame else {
        println!("  slow   none of {requests} requests was");
        return;
    };
    let ms = |us: u64| format!("{:.0} ms", us as f64 / 1_000.0);
    println!(
        "  slow   {} of {requests} requests, made slow by {}: in this one {} of its own time, usually {}; {} in all, usually {}",
        blame.slow,
        blame.service,
        ms(blame.own_us),
        ms(blame.own_usual_us),
        ms(blame.duration_us),
        ms(blame.duration_usual_us),
    );
    println!("  trace  {}", server.page_of(blame.trace_id));
}

/// Keeps some traffic going, so that the page has something new each time one looks.
fn go_on(server: &mut Spanlet, shop: &mut Shop, stop: &AtomicBool) -> Result<()> {
    println!("\n  The shop goes on, four requests a second. Ctrl-C ends it.");
    let spinner = spinner("more requests");
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        server.check_alive()?;
        shop.check_alive()?;
        Visit::draw(number).make(shop)?;
        number += 1;
        spinner.set_message(format!("{number} more requests"));
        std::thread::sleep(PAUSE);
    }
    spinner.finish_and_clear();
    println!("  ended after {number} more requests");
    Ok(())
}
