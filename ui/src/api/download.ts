//! Gives the reader a file made in the page.
export function download(text: string, name: string, type = "application/json"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the blob by the time the next task runs.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
