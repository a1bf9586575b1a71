//! Asks a server over HTTP and says in words what went wrong. Works in a page and in a worker.

/** What went wrong, in words for the reader. Status 0: the server did not answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** An answer, also when it is 404; everything else that is not OK throws. */
export async function get(url: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, "The server does not answer. It may be down, or the network between it and you.");
  }
  if (response.ok || response.status === 404) return response;
  const said = (await response.text()).trim().slice(0, 300);
  throw new ApiError(response.status, said === "" ? response.statusText : said);
}

export async function jsonOf<T>(response: Response, signal?: AbortSignal): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(response.status, "The server answered something that is not JSON.");
  }
}

export async function getList<T>(url: string, signal?: AbortSignal): Promise<T[]> {
  const response = await get(url, signal);
  if (response.status === 404) throw new ApiError(404, "The server knows no such path. Is it a Zipkin server?");
  const body = await jsonOf<unknown>(response, signal);
  if (!Array.isArray(body)) throw new ApiError(response.status, "The server answered something that is not a list.");
  return body as T[];
}
