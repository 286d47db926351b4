// Upload a file to the kernel in chunks, with progress and a way to cancel.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Transport } from "../../core/transport";

// The kernel allows as much; checked here too, so that nothing is sent in vain.
export const MAX_BYTES = 200e6;

/** A file on its way; once all of it was sent, the kernel reads it as a table. */
export interface Upload {
  name: string;
  sent: number;
  size: number;
}

type Requester = Pick<Transport, "request">;

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).replace(/\.0$/, "")} MB`;
}

export function checkFile(file: File): void {
  if (!/\.(csv|tsv|txt|parquet)$/i.test(file.name)) {
    throw new Error(`${file.name} is not a table: choose a .csv, .tsv or .parquet file`);
  }
  if (!file.size) throw new Error(`${file.name} is empty: choose a file with rows`);
  if (file.size > MAX_BYTES) {
    throw new Error(
      `${file.name} has ${megabytes(file.size)}, and an upload at most ${megabytes(MAX_BYTES)}: ` +
        "load it by its path instead",
    );
  }
}

/**
 * Send a file and load it as a table; the kernel confirms each chunk before the next is sent.
 * Aborting the signal ends the upload without an error. Returns whether the table was loaded.
 */
export async function sendFile(
  transport: Requester,
  file: File,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<boolean> {
  checkFile(file);
  const { upload, chunk_bytes } = await transport.request("upload-open", {
    name: file.name,
    size: file.size,
  });
  let finished = false;
  try {
    for (let offset = 0; offset < file.size; ) {
      if (signal.aborted) return false;
      const chunk = await file.slice(offset, offset + chunk_bytes).arrayBuffer();
      if (signal.aborted) return false;
      offset = (await transport.request("upload-append", { upload, offset }, [chunk])).received;
      onProgress(offset);
    }
    if (signal.aborted) return false;
    finished = true;
    await transport.request("upload-finish", { upload });
    return true;
  } finally {
    // A kernel that is gone has nothing to remove.
    if (!finished) transport.request("upload-cancel", { upload }).catch(() => {});
  }
}

/** The upload in progress, and how to start and cancel one; one at a time. */
export function useUpload(transport: Requester): {
  uploading: Upload | null;
  upload: (file: File) => Promise<void>;
  cancel: () => void;
} {
  const [uploading, setUploading] = useState<Upload | null>(null);
  const current = useRef<AbortController | null>(null);
  const cancel = () => current.current?.abort();
  useEffect(() => cancel, []);

  const upload = async (file: File) => {
    if (current.current) throw new Error("a file is being uploaded: wait for it, or cancel it");
    checkFile(file);
    const controller = new AbortController();
    current.current = controller;
    const { name, size } = file;
    setUploading({ name, sent: 0, size });
    try {
      await sendFile(transport, file, controller.signal, (sent) =>
        setUploading({ name, sent, size }),
      );
    } finally {
      current.current = null;
      setUploading(null);
    }
  };
  return { uploading, upload, cancel };
}
