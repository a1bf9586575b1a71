//! The worker: takes a job, does it, answers. Heavy traces never hold up the page.
import { NoTrace } from "../model/upload";
import { ApiError } from "./http";
import { jobs, type Answer } from "./reader-jobs";

export interface Ask {
  readonly id: number;
  readonly job: keyof typeof jobs;
  readonly args: readonly unknown[];
}
export type ToWorker = Ask | { readonly cancel: number };
export type FromWorker = { readonly id: number } & ({ readonly value: unknown } | { readonly error: { readonly status: number; readonly message: string } });

const running = new Map<number, AbortController>();

addEventListener("message", (event: MessageEvent<ToWorker>) => {
  if ("cancel" in event.data) running.get(event.data.cancel)?.abort();
  else void work(event.data);
});

async function work({ id, job, args }: Ask) {
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const run = jobs[job] as (...args: unknown[]) => Promise<Answer<unknown>>;
    const { value, give } = await run(...args, abort.signal);
    postMessage({ id, value } satisfies FromWorker, { transfer: give ?? [] });
  } catch (cause) {
    const status = cause instanceof ApiError ? cause.status : cause instanceof NoTrace ? 422 : 0;
    const message = cause instanceof Error ? cause.message : String(cause);
    postMessage({ id, error: { status, message } } satisfies FromWorker);
  } finally {
    running.delete(id);
  }
}
