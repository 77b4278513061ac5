/** Manifests as a user wrote them: YAML or JSON, several documents, several files. */
import { LineCounter, parseAllDocuments } from 'yaml';
import { KIND } from '../api/names.ts';
import { checkRules, type FieldProblem } from '../api/validate.ts';
import { validateSchema } from '../api/validate-schema.ts';

/** A text with the name that it goes by in messages. */
export interface Source {
  name: string;
  text: string;
}

/** A DittoServer that passes every check that the API server would make. */
export interface Manifest {
  /** `file, document n`. */
  place: string;
  object: { metadata: { name: string; namespace?: string } };
}

export interface Manifests {
  valid: Manifest[];
  /** One line each. */
  problems: string[];
}

/** Reads and checks every document of every source. */
export function readManifests(sources: readonly Source[]): Manifests {
  const valid: Manifest[] = [];
  const problems: string[] = [];
  for (const source of sources) {
    const { documents, errors } = documentsOf(source);
    problems.push(...errors);
    for (const { place, value } of documents) {
      const found = problemsOf(value).map((problem) => `${place}: ${problem}`);
      if (found.length === 0) valid.push({ place, object: value as Manifest['object'] });
      problems.push(...found);
    }
    if (documents.length + errors.length === 0) problems.push(`${source.name}: there is no document in it`);
  }
  return { valid, problems: [...problems, ...duplicates(valid)] };
}

interface Document {
  place: string;
  value: unknown;
}

function documentsOf({ name, text }: Source): { documents: Document[]; errors: string[] } {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  const list = Array.isArray(parsed) ? parsed : [];
  const errors = list.flatMap((document) =>
    document.errors.map(({ pos, message }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return `${name}:${line}:${col}: ${message}`;
    }),
  );
  if (errors.length > 0) return { documents: [], errors };
  const documents = list.map((document, index) => ({
    place: `${name}, document ${index + 1}`,
    // A mapping with a hundred aliases of aliases is an attack, and the parser says so by throwing.
    value: document.toJS() as unknown,
  }));
  // A separator at the end, or a block of comments, makes an empty document.
  return { documents: documents.filter(({ value }) => value !== null), errors };
}

function problemsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['it is no Kubernetes object'];
  const { kind, metadata } = value as { kind?: unknown; metadata?: { name?: unknown } | null };
  const name = typeof metadata?.name === 'string' ? ` "${metadata.name}"` : '';
  if (kind !== KIND) {
    return [typeof kind === 'string' ? `${kind}${name} is no ${KIND}` : `kind is missing; it must be ${KIND}`];
  }
  const schema = validateSchema(value);
  const found = schema.length > 0 ? schema : checkRules(value);
  return found.map((problem) => `${KIND}${name}: ${problemText(problem)}`);
}

const LONGEST_VALUE = 60;

function problemText({ path, value, message }: FieldProblem): string {
  // The rules' own sentences name the field, and its value where that helps.
  if (path !== '' && message.startsWith(`${path} `)) return message;
  const text = value === undefined || typeof value === 'object' ? '' : JSON.stringify(value);
  const shown = text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
  return [path, shown, message].filter((part) => part !== '').join(': ');
}

function duplicates(valid: readonly Manifest[]): string[] {
  const seen = new Map<string, string>();
  return valid.flatMap(({ place, object: { metadata } }) => {
    const key = `${metadata.namespace ?? ''}/${metadata.name}`;
    const before = seen.get(key);
    seen.set(key, place);
    return before === undefined ? [] : [`${place}: ${KIND} "${metadata.name}" is already in ${before}`];
  });
}
