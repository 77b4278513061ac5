/**
 * What the rules are put together from. A condition is CEL text over `self`, the whole DittoServer, and total: it
 * looks whether an optional field is there before it reads it, so it never fails on an object the schema accepts.
 *
 * Only what Kubernetes 1.29 compiles is used. A new expression may use libraries of the release before the API
 * server's own (so that it can be rolled back), for 1.29 that is 1.28: the standard functions, the URL, regex and
 * list libraries, `quantity()`, optional types. Newer, and so avoided: strings version 2 and sets (1.29), ip and cidr
 * (1.30), format (1.31), comprehensions of two variables (1.32), semver (1.33), lists version 3 (1.34).
 */
/** A condition that a DittoServer must meet, and what to tell who does not meet it. */
export interface Rule {
  id: string;
  /**
   * `valid`: a statement on one object. `transition`: a statement on an update, which reads `oldSelf`, too.
   */
  kind: 'valid' | 'transition';
  /** The field that the user has to look at, from the root and without a leading dot. */
  fieldPath: string;
  cel: string;
  /** Said when there is no messageExpression or it yields nothing that can be shown. */
  message: string;
  messageExpression?: string;
}

/** A CEL string literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Whether every step of the path is there: `has(self.spec) && has(self.spec.image)`. */
export function has(path: string, root = 'self'): string {
  const steps = path.split('.');
  return steps.map((_, index) => `has(${root}.${steps.slice(0, index + 1).join('.')})`).join(' && ');
}

/** The condition, if the field is there; true if it is not. */
export function when(path: string, condition: string): string {
  return `!(${has(path)}) || (${condition})`;
}

/** The field's value, or what stands for it when it is not there. */
export function or(path: string, fallback: string, root = 'self'): string {
  return `(${has(path, root)} ? ${root}.${path} : ${fallback})`;
}

/** Whether the flag is there and true. */
export function on(path: string, root = 'self'): string {
  return `(${has(path, root)} && ${root}.${path})`;
}

/** Whether the text is there and not empty. */
export function given(path: string, root = 'self'): string {
  return `(${has(path, root)} && ${root}.${path} != '')`;
}

/** Whether the value, a CEL expression, matches the pattern. */
export function matches(value: string, pattern: string): string {
  return `${value}.matches(r'${pattern}')`;
}

/** Message that names the field, its value and what would be right. */
export function wrongText(path: string, right: string): Pick<Rule, 'message' | 'messageExpression'> {
  return {
    message: `${path} must be ${right}`,
    messageExpression: `${quoted(`${path} is "`)} + self.${path} + ${quoted(`", must be ${right}`)}`,
  };
}

/** A rule that a text, where it is given, matches a pattern. */
export function textRule(id: string, path: string, pattern: string, right: string, empty: 'allowed' | 'refused'): Rule {
  const match = matches(`self.${path}`, pattern);
  return {
    id,
    kind: 'valid',
    fieldPath: path,
    cel: when(path, empty === 'allowed' ? `self.${path} == '' || ${match}` : match),
    ...wrongText(path, right),
  };
}

/** Name of a Secret and most other objects. */
export const DNS_SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

/** Key inside a Secret. */
export const SECRET_KEY = '^[-._a-zA-Z0-9]+$';

/** No space of any kind. Not `\S`, on which RE2 and JavaScript differ. */
export const NO_SPACE = '^[!-~]+$';

/**
 * A duration as Go reads it, in units from large to small, and so short that no value overflows. That it is above
 * zero is a second condition, `[1-9]`.
 */
const DURATION_BODY =
  '[+]?' +
  '([0-9]{1,6}([.][0-9]{0,6})?h)?' +
  '([0-9]{1,8}([.][0-9]{0,6})?m)?' +
  '([0-9]{1,10}([.][0-9]{0,9})?s)?' +
  '([0-9]{1,12}([.][0-9]{0,6})?ms)?' +
  '([0-9]{1,12}([.][0-9]{0,3})?(us|µs|μs))?' +
  '([0-9]{1,12}ns)?';

/** Whether the value is a duration above zero. */
export function positiveDuration(value: string): string {
  return `(${matches(value, `^${DURATION_BODY}$`)} && ${matches(value, '[1-9]')})`;
}

/** Whether the value is a duration, zero included. */
export function anyDuration(value: string): string {
  return `(${matches(value, `^${DURATION_BODY}$`)} && ${matches(value, '[0-9]')})`;
}

/** A rule that a text is a duration above zero. The empty text means the default, as it always has. */
export function durationRule(id: string, path: string): Rule {
  return {
    id,
    kind: 'valid',
    fieldPath: path,
    cel: when(path, `self.${path} == '' || ${positiveDuration(`self.${path}`)}`),
    ...wrongText(path, 'a duration above zero such as 30s, 15m or 1h30m'),
  };
}

/** The words in either case. Not `(?i:`, which older JavaScript lacks. */
function anyCase(words: string[]): string {
  return words.map((word) => word.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`)).join('|');
}

function cronField(value: string): string {
  const item = `([*?]|${value}(-${value})?)(/0*[1-9][0-9]*)?`;
  return `${item}(,${item})*`;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const CRON_FIELDS = [
  '[0-5]?[0-9]',
  '([01]?[0-9]|2[0-3])',
  '(0?[1-9]|[12][0-9]|3[01])',
  `(0?[1-9]|1[0-2]|${anyCase(MONTHS)})`,
  `([0-6]|${anyCase(WEEKDAYS)})`,
];

/** What the scheduler in Percona's operator reads: five fields, a shorthand, or an interval. */
export const CRON =
  '^ *((CRON_)?TZ=[A-Za-z0-9_+/-]+ +)?(' +
  CRON_FIELDS.map(cronField).join(' +') +
  ` *|@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every [0-9][0-9hms.]*[hms])$`;

/** Whether the value is a quantity of storage above zero. */
export function positiveQuantity(value: string): string {
  return `(isQuantity(${value}) && quantity(${value}).isGreaterThan(quantity('0')))`;
}

/** Whether the new quantity is at least the old one; true where one of them is none. */
export function notSmaller(value: string, oldValue: string): string {
  return (
    `!isQuantity(${value}) || !isQuantity(${oldValue}) || ` + `!quantity(${value}).isLessThan(quantity(${oldValue}))`
  );
}
