"""Prints the targets of the embedded store beside a real Zipkin, all measured in one run. See README.md."""
import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "bench"
HEALTHY_S = 120


class Peer:
    """A server that is measured: how it is started, and at which of its doors spans come in."""

    def __init__(self, name, work, command, base, targets):
        self.name, self.command, self.base, self.targets = name, command, base, targets
        self.health = base + "/health"
        self.data = work / f"data-{name}"
        self.log = work / f"{name}.log"
        self.process = None

    def wipe(self):
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)

    def shell(self):
        """Returns its start for the driver, which removes the directory and does not make it again."""
        made = f"mkdir -p {shlex.quote(str(self.data))} && exec {shlex.join(self.command)}"
        return shlex.join(["sh", "-c", made])

    def start(self):
        """Starts it and returns the seconds until it is healthy."""
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        while time.monotonic() < begun + HEALTHY_S:
            try:
                urllib.request.urlopen(self.health, timeout=2).read()
                return time.monotonic() - begun
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"{self.name} ended: see {self.log}")
                time.sleep(0.002)
        sys.exit(f"{self.name} is not healthy after {HEALTHY_S} s: see {self.log}")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def spanlet(work, binary):
    http, scribe, grpc, otlp = free_ports(4)
    at = "127.0.0.1:"
    command = [binary, "server", "--http-listen", f"{at}{http}", "--scribe-listen", f"{at}{scribe}", "--otlp-grpc-listen",
               f"{at}{grpc}", "--otlp-http-listen", f"{at}{otlp}", "--data-dir", str(work / "data-spanlet")]
    base = f"http://{at}{http}"
    targets = {"zipkin-json": base + "/api/v2/spans", "zipkin-proto": base + "/api/v2/spans", "zipkin-thrift": base + "/api/v1/spans",
               "scribe": f"tcp://{at}{scribe}", "otlp": base + "/v1/traces"}
    return Peer("spanlet", work, command, base, targets)


def zipkin(work, jar):
    http, scribe = free_ports(2)
    armeria = "--armeria.ports[0]."
    command = ["env", f"QUERY_PORT={http}", "COLLECTOR_SCRIBE_ENABLED=true", f"COLLECTOR_PORT={scribe}", "MEM_MAX_SPANS=5000000",
               "java", "-Xmx8g", "-jar", jar, f"{armeria}ip=127.0.0.1", f"{armeria}port={http}", f"{armeria}protocols[0]=http"]
    base = f"http://127.0.0.1:{http}"
    targets = {"zipkin-json": base + "/api/v2/spans", "zipkin-proto": base + "/api/v2/spans", "zipkin-thrift": base + "/api/v1/spans",
               "scribe": f"tcp://127.0.0.1:{scribe}"}
    return Peer("zipkin", work, command, base, targets)


class Bench:
    """Runs the driver and keeps its lines."""

    def __init__(self, driver, out):
        self.driver, self.out = driver, out

    def run(self, command, peer, label, **flags):
        """Runs one command of the driver and returns the lines that it has written."""
        before = self.out.stat().st_size if self.out.exists() else 0
        words = [str(self.driver), command, "--peer", peer.name, "--label", label, "--out", str(self.out)]
        for name, value in flags.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        print("  ", peer.name, command, label, file=sys.stderr, flush=True)
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with open(self.out, encoding="utf-8") as lines:
            lines.seek(before)
            return [json.loads(line) for line in lines]


def median(lines, key):
    values = [line[key] for line in lines if line.get(key) is not None]
    return statistics.median(values) if values else None


def doors(bench, peer, options, figures):
    """How much each door takes, and what it costs."""
    for target, url in peer.targets.items():
        lines = []
        for repeat in range(options.repeats):
            peer.wipe()
            peer.start()
            pid = peer.process.pid
            bench.run("ingest", peer, "warm-up", target=target, url=url, spans=options.door_spans // 4, batch=100, seed=repeat + 100)
            lines += bench.run("ingest", peer, "door", target=target, url=url, spans=options.door_spans, batch=100, connections=8,
                               seed=repeat, pid=pid, settle=1, calm=5)
            peer.stop()
        figures[f"{target}: CPU s per 1 M spans"] = median(lines, "cpu_s_per_m_total")
        figures[f"{target}: spans/s"] = median(lines, "spans_per_s")
    peer.wipe()
    peer.start()
    url, half = peer.targets["zipkin-json"], (figures["zipkin-json: spans/s"] or 0) / 2
    one = bench.run("ingest", peer, "single spans", target="zipkin-json", url=url, spans=options.door_spans // 10, batch=1, connections=8)
    calm = bench.run("ingest", peer, "half load", target="zipkin-json", url=url, spans=options.door_spans, batch=100, connections=8,
                     rate=max(int(half), 1))
    peer.stop()
    figures["posts of one span per s"] = median(one, "spans_per_s")
    figures["answer at half load, p50 ms"] = median(calm, "p50_ms")
    figures["answer at half load, p99 ms"] = median(calm, "p99_ms")


def sizes(bench, peer, options, figures):
    """What so many spans take, and how fast questions about them are answered."""
    for spans in options.spans:
        if peer.name == "zipkin" and spans > options.zipkin_spans_max:
            continue
        size = f"{spans:,}"
        manifest = bench.out.parent / f"{peer.name}-{spans}.manifest"
        peer.wipe()
        peer.start()
        durable = {"data_dir": peer.data} if peer.name == "spanlet" else {}
        main = bench.run("ingest", peer, f"main {size}", target="zipkin-proto", url=peer.targets["zipkin-proto"], spans=spans, batch=100,
                         connections=8, save=manifest, pid=peer.process.pid, settle=5, calm=60, api="zipkin", query_url=peer.base,
                         wait=60, verify=200, **durable)
        figures[f"{size}: peak memory MB"] = median(main, "peak_rss_mb")
        figures[f"{size}: bytes per span on disk"] = median(main, "disk_bytes_per_span")
        figures[f"{size}: queryable after, s"] = median(main, "queryable_s")
        asked = bench.run("query", peer, size, manifest=manifest, api="zipkin", query_url=peer.base, pid=peer.process.pid, secs=2,
                          concurrency=1)
        for line in asked:
            figures[f"{size}: {line['q']} p50 ms"] = line["p50_ms"]
            if line.get("as_expected") != line.get("checked"):
                figures[f"{size}: {line['q']} right answers"] = f"{line['as_expected']} of {line['checked']}"
        if peer.name == "spanlet":
            peer.stop(signal.SIGKILL)
            figures[f"{size}: healthy again after kill -9, s"] = peer.start()
            cold = bench.run("query", peer, f"{size} again", manifest=manifest, api="zipkin", query_url=peer.base, secs=1, concurrency=1,
                             only=asked[0]["q"])
            figures[f"{size}: first trace by id after that, ms"] = median(cold, "cold_ms")
        peer.stop()


def starts(bench, peer, figures):
    lines = bench.run("startup", peer, "start", cmd=peer.shell(), health=peer.health, runs=3, idle=3, wipe=peer.data,
                      log=peer.log)
    figures["start to healthy, s"] = lines[0]["healthy_s"]["med"]
    figures["idle memory MB"] = lines[0]["idle_rss_mb"]["med"]


def losses(bench, peer, options, figures):
    lines = bench.run("crash", peer, "crash", cmd=peer.shell(), health=peer.health, target="zipkin-proto",
                      url=peer.targets["zipkin-proto"], api="zipkin", query_url=peer.base, wipe=peer.data, log=peer.log, rate=10000,
                      batch=100, spans=100_000, max_traces=1000, kill_after_ms=5000)
    figures["lost of acknowledged after kill -9"] = lines[0]["lost_spans"]


def show(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--spans", default="1000000", help="sizes of the store, with commas: 1000000,10000000")
    flags.add_argument("--door-spans", type=int, default=200_000, help="spans sent to each door in each repeat")
    flags.add_argument("--repeats", type=int, default=3)
    flags.add_argument("--zipkin", default=os.environ.get("ZIPKIN_JAR"), help="zipkin-server-*-exec.jar; left out without it")
    flags.add_argument("--zipkin-spans-max", type=int, default=1_000_000, help="larger sizes are not tried on Zipkin's memory")
    flags.add_argument("--spanlet", default=str(ROOT / "target/release/spanlet"))
    flags.add_argument("--tracebench", default=os.environ.get("TRACEBENCH"), help="the driver, if it is built")
    flags.add_argument("--only", default="starts,doors,sizes,losses", help="parts, with commas")
    options = flags.parse_args()
    options.spans = [int(size) for size in options.spans.split(",")]
    # The driver empties directories below /tmp only.
    work = Path(tempfile.gettempdir()) / "spanlet-bench-store"
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.tracebench or build_driver(work), work / f"{time.strftime('%Y-%m-%d-%H%M%S')}.jsonl")
    peers = [spanlet(work, options.spanlet)] + ([zipkin(work, options.zipkin)] if options.zipkin else [])
    table = {peer.name: {} for peer in peers}
    parts = options.only.split(",")
    load_before = os.getloadavg()[0]
    for peer in peers:
        figures = table[peer.name]
        try:
            if "starts" in parts:
                starts(bench, peer, figures)
            if "doors" in parts:
                doors(bench, peer, options, figures)
            if "sizes" in parts:
                sizes(bench, peer, options, figures)
            if "losses" in parts and peer.name == "spanlet":
                losses(bench, peer, options, figures)
        finally:
            if peer.process and peer.process.poll() is None:
                peer.stop(signal.SIGKILL)
    rows = list(dict.fromkeys(name for figures in table.values() for name in figures))
    print("| figure | " + " | ".join(table) + " |\n| --- |" + " --- |" * len(table))
    for row in rows:
        print(f"| {row} | " + " | ".join(show(figures.get(row)) for figures in table.values()) + " |")
    print(f"\nmachine: {os.cpu_count()} cores, load {load_before:.1f} before and {os.getloadavg()[0]:.1f} after; lines in {bench.out}")


def build_driver(work):
    """Builds the driver from a copy: its folder may be read-only."""
    if not SHARED.exists():
        sys.exit("the driver is in ../shared/bench, which is not here: name one with --tracebench")
    copy = work / "tracebench"
    shutil.copytree(SHARED / "tracebench", copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
    subprocess.run(["cargo", "build", "--release", "--target-dir", str(copy / "target")], cwd=copy, check=True)
    return copy / "target/release/tracebench"


if __name__ == "__main__":
    main()
