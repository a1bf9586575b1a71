//! Gives every service a column: callers left of what they call, as far as there are no circles.

/** Edges by the numbers of their ends. */
export type Edge = readonly [from: number, to: number];

/** Edges to be drawn backwards: without them there is no circle left. */
export function backEdges(count: number, edges: readonly Edge[]): Set<number> {
  const out: number[][] = Array.from({ length: count }, () => []);
  const indegree = new Int32Array(count);
  edges.forEach(([from, to], i) => {
    out[from].push(i);
    if (from !== to) indegree[to]++;
  });
  const back = new Set<number>();
  const state = new Uint8Array(count);
  // From those nobody calls first, so that a circle is cut at the way back and not at the way in.
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => indegree[a] - indegree[b] || out[b].length - out[a].length || a - b);
  for (const start of order) {
    if (state[start] !== 0) continue;
    const stack: { node: number; next: number }[] = [{ node: start, next: 0 }];
    state[start] = 1;
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const edge = out[top.node][top.next++];
      if (edge === undefined) {
        state[top.node] = 2;
        stack.pop();
        continue;
      }
      const to = edges[edge][1];
      if (state[to] === 1) back.add(edge);
      else if (state[to] === 0) {
        state[to] = 1;
        stack.push({ node: to, next: 0 });
      }
    }
  }
  return back;
}

/** Columns from 0: as far right as the longest way to a service, then those that only call come close to what they call. */
export function rank(count: number, edges: readonly Edge[]): Int32Array {
  const ranks = new Int32Array(count);
  const out: number[][] = Array.from({ length: count }, () => []);
  const waiting = new Int32Array(count);
  for (const [from, to] of edges) {
    out[from].push(to);
    waiting[to]++;
  }
  const ready = Array.from({ length: count }, (_, i) => i).filter((i) => waiting[i] === 0);
  const sources = [...ready];
  for (const node of ready) {
    for (const to of out[node]) {
      ranks[to] = Math.max(ranks[to], ranks[node] + 1);
      if (--waiting[to] === 0) ready.push(to);
    }
  }
  for (const node of sources) {
    if (out[node].length > 0) ranks[node] = Math.min(...out[node].map((to) => ranks[to])) - 1;
  }
  return ranks;
}
