/** Longest line of a watch, in bytes. etcd holds objects of 1.5 MiB at most; more is not an API server's doing. */
const longestLine = 32 * 1024 * 1024;

/**
 * Splits a byte stream into lines. Bytes are gathered until a line is whole and only then decoded, so a character that
 * lies across two chunks stays whole. Empty lines are left out.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #length = 0;

  /**
   * The lines that `chunk` completes, without their line ends.
   * @throws Error when a line exceeds 32 MiB.
   */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    // 0x0a never occurs inside a multi-byte UTF-8 sequence.
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start));
      this.#length += chunk.length - start;
      if (this.#length > longestLine) throw new Error(`a line is longer than ${longestLine} bytes`);
    }
    return lines;
  }

  /** What is left when the stream has ended: a torn line, or the empty string. */
  rest(): string {
    return this.#complete(Buffer.alloc(0));
  }

  #complete(last: Buffer): string {
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#length = 0;
    const line = whole.toString('utf8');
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
