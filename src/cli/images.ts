import { type Command, InvalidArgumentError, Option } from 'commander';
import { OPERATOR_DEFAULTS, type OperatorDefaults } from '../observed.ts';
import { textOption } from './options.ts';

/** The flags of images and versions as commander gives them. */
export interface ImageOptions {
  perconaCrVersion: string;
  postgresImage: string;
  pgbouncerImage: string;
  pgbackrestImage: string;
  perconaInitImage: string;
  waitForPostgresImage: string;
}

const CR_VERSION = /^\d+\.\d+\.\d+$/;

/** Adds the flags for what a PerconaPGCluster and a pod get unless the DittoServer names its own. */
export function withImageOptions(command: Command): Command {
  const defaults = OPERATOR_DEFAULTS;
  return command
    .addOption(
      new Option('--percona-cr-version <version>', 'crVersion of the PerconaPGClusters that are made')
        .argParser(crVersionOption)
        .default(defaults.crVersion),
    )
    .option('--postgres-image <image>', 'image of PostgreSQL', textOption, defaults.postgresImage)
    .option('--pgbouncer-image <image>', 'image of pgBouncer', textOption, defaults.pgBouncerImage)
    .option('--pgbackrest-image <image>', 'image of pgBackRest', textOption, defaults.pgBackRestImage)
    .option('--percona-init-image <image>', "image of Percona's init container", textOption, defaults.perconaInitImage)
    .option(
      '--wait-for-postgres-image <image>',
      'image with psql in which a server waits for its database',
      textOption,
      defaults.waitForPostgresImage,
    );
}

/** What the flags say, as the core wants it. */
export function operatorDefaults(options: ImageOptions): OperatorDefaults {
  return {
    crVersion: options.perconaCrVersion,
    postgresImage: options.postgresImage,
    pgBouncerImage: options.pgbouncerImage,
    pgBackRestImage: options.pgbackrestImage,
    perconaInitImage: options.perconaInitImage,
    waitForPostgresImage: options.waitForPostgresImage,
  };
}

function crVersionOption(text: string): string {
  if (!CR_VERSION.test(text)) throw new InvalidArgumentError('Give a version of three numbers, such as "2.8.0".');
  return text;
}
