import { Environment } from '@marcbachmann/cel-js';
import { parseQuantity, Quantity } from './quantity.ts';

/** What a compiled expression looks at. */
export interface Scope extends Record<string, unknown> {
  self: unknown;
  oldSelf?: unknown;
}

type Expression = (scope: Scope) => unknown;

function toQuantity(text: string): Quantity {
  const quantity = parseQuantity(text);
  if (!quantity) throw new Error(`not a quantity: ${text}`);
  return quantity;
}

/** CEL as the API server runs it on a custom resource, as far as the rules use it. */
function environment(): Environment {
  return new Environment()
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', 'dyn')
    .registerType('Quantity', Quantity)
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction('quantity(string): Quantity', toQuantity)
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano > b.nano)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano < b.nano);
}

let shared: Environment | undefined;

/** Compiles an expression; the environment is made with the first one. Throws on a mistake in it. */
export function compile(text: string): Expression {
  shared ??= environment();
  const parsed = shared.parse(text);
  const checked = parsed.check();
  if (!checked.valid) throw checked.error ?? new Error(`not valid CEL: ${text}`);
  return (scope) => parsed(scope) as unknown;
}
