import { styleText } from 'node:util';

/** Where the demo writes: a terminal, whose last lines are drawn anew, or anything else, which gets lines only. */
export interface Output {
  write: (text: string) => unknown;
  isTTY?: boolean;
  columns?: number;
}

type Style = Parameters<typeof styleText>[0];

/** How often a line about a long build is worth repeating where lines cannot be overwritten. */
const REPEAT_MS = 30_000;

/**
 * Lines that stay, and on a terminal a block under them that is drawn anew whenever it changes. Everywhere else the block
 * is not shown: what changes in it has to be said in lines too.
 */
export class Screen {
  readonly #output: Output;
  readonly #terminal: boolean;
  /** The block as it should be, and how many rows of it are on the terminal. */
  #block: readonly string[] = [];
  #drawn = 0;
  #lastRepeat = 0;

  constructor(output: Output & NodeJS.WriteStream) {
    this.#output = output;
    this.#terminal = output.isTTY;
  }

  get isTerminal(): boolean {
    return this.#terminal;
  }

  /** Coloured, unless NO_COLOR is set or this is no terminal. */
  style(style: Style, text: string): string {
    return this.#terminal ? styleText(style, text, { stream: process.stdout }) : text;
  }

  /** Writes lines that stay, above the block. */
  say(text = ''): void {
    this.#erase();
    this.#output.write(`${text}\n`);
    this.#draw();
  }

  /** Writes a text that is broken between words to fit, its further lines indented. */
  paragraph(text: string, indent = 0): void {
    this.say(this.wrap(text, indent).join('\n'));
  }

  /** Breaks a text between words. @param indent spaces in front of every line but the first. */
  wrap(text: string, indent: number): string[] {
    if (!this.#terminal) return [text];
    const width = Math.max(40, Math.min(this.#output.columns ?? 80, 120)) - 1;
    const lines: string[] = [];
    for (const word of text.split(' ')) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(lines.length === 0 ? word : ' '.repeat(indent) + word);
    }
    return lines;
  }

  /** Sets the block. @param lines none of them wider than the terminal; none at all takes the block away. */
  block(lines: readonly string[]): void {
    if (lines.join('\n') === this.#block.join('\n')) return;
    this.#erase();
    this.#block = lines;
    this.#draw();
  }

  /** Says how something that takes long is going on: in the block, or in a line every 30 seconds. */
  progress(text: string): void {
    if (this.#terminal) this.block([this.style('dim', this.#cut(`· ${text}`))]);
    else if (performance.now() - this.#lastRepeat > REPEAT_MS || !/: \d+ s$/.test(text)) {
      this.#lastRepeat = performance.now();
      this.say(`· ${text}`);
    }
  }

  /** Does one step; says what is being done, and in a line that stays that it was done. */
  async step<T>(text: string, work: () => Promise<T>, done: (result: T) => string = () => text): Promise<T> {
    if (this.#terminal) this.block([this.style('dim', this.#cut(`· ${text} …`))]);
    const started = performance.now();
    try {
      const result = await work();
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      this.block([]);
      this.say(`${this.style('green', '✓')} ${done(result)} ${this.style('dim', `(${seconds} s)`)}`);
      return result;
    } finally {
      this.block([]);
    }
  }

  /** A line of the block must not take two rows: then too few would be erased. */
  #cut(line: string): string {
    return line.slice(0, (this.#output.columns ?? 80) - 1);
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (!this.#terminal || this.#block.length === 0) return;
    this.#output.write(`${this.#block.join('\n')}\n`);
    this.#drawn = this.#block.length;
  }
}
