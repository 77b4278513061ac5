/** Readers of option values. Commander puts the option's name in front of their errors. */
import { InvalidArgumentError } from 'commander';
import { type Address, parseAddress } from '../metrics/address.ts';

/** An address to listen on; undefined inside means none. */
export interface AddressOption {
  address: Address | undefined;
}

export function addressOption(text: string): AddressOption {
  try {
    return { address: parseAddress(text) };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const MOST_WORKERS = 1000;

export function workersOption(text: string): number {
  const workers = Number(text);
  if (!/^\d+$/.test(text) || workers < 1 || workers > MOST_WORKERS) {
    throw new InvalidArgumentError(`Give a whole number from 1 to ${MOST_WORKERS}.`);
  }
  return workers;
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A name of a namespace. */
export function namespaceOption(text: string): string {
  if (!DNS_LABEL.test(text)) {
    throw new InvalidArgumentError(`"${text}" is no name of a namespace: use a-z, 0-9 and "-", at most 63 of them.`);
  }
  return text;
}

/** Names of namespaces, separated by commas. */
export function namespacesOption(text: string): string[] {
  return [...new Set(text.split(',').map((name) => namespaceOption(name.trim())))];
}

/** A text that must not be empty. */
export function textOption(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}
