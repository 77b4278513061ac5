/**
 * Kubernetes quantities, as exactly as the API server reads them.
 */

const FORM = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

const NANO = 9;
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

/** Where the API server caps quantities with a binary suffix. */
const BINARY_CAP = (2n ** 63n - 1n) * 10n ** BigInt(NANO);

/** An amount in billionths, the finest that Kubernetes keeps. A class, because CEL tells types by their constructor. */
export class Quantity {
  readonly nano: bigint;

  constructor(nano: bigint) {
    this.nano = nano;
  }
}

/** Reads a quantity; undefined when the text is none. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, sign, number = '', binary, decimal, exponent] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(`${whole}${fraction}`) << (binary === undefined ? 0n : (BINARY[binary] ?? 0n));
  const scale = decimal === undefined ? Number(exponent ?? 0) : (DECIMAL[decimal] ?? 0);
  let nano = shift(digits, scale - fraction.length + NANO);
  if (binary !== undefined && nano > BINARY_CAP) nano = BINARY_CAP;
  return new Quantity(sign === '-' ? -nano : nano);
}

/** Multiplies by a power of ten; what falls off is rounded up, away from zero. */
function shift(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (value + divisor - 1n) / divisor;
}

/**
 * The value of a quantity in billionths, for comparing two of them.
 *
 * @param value a text or a number, as manifests allow both.
 * @returns undefined when it is no quantity.
 */
export function quantityValue(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return parseQuantity(String(value))?.nano;
}
