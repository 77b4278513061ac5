import { isUpTo } from './resource-version.ts';

/**
 * Which objects were deleted, by uid, so that an event or an answer that comes late does not bring one back. Bounded: of
 * many, the oldest are forgotten.
 */
export class Tombstones {
  readonly #most: number;
  /**
   * uid -> version of the deletion, or the empty string when nothing of that uid can come again. The version is needed
   * because an object that leaves a watch's selector is reported as deleted and may come back under the same uid.
   */
  readonly #versions = new Map<string, string>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether that version of the object is from before its deletion. */
  covers(uid: string, resourceVersion: string): boolean {
    const deleted = this.#versions.get(uid);
    return deleted !== undefined && (deleted === '' || isUpTo(resourceVersion, deleted));
  }

  /** @param resourceVersion version of the deletion; the empty string: for good, which a version does not take back */
  add(uid: string, resourceVersion: string): void {
    const version = this.#versions.get(uid) === '' ? '' : resourceVersion;
    this.#versions.delete(uid);
    this.#versions.set(uid, version);
    if (this.#versions.size <= this.#most) return;
    const oldest = this.#versions.keys().next().value;
    if (oldest !== undefined) this.#versions.delete(oldest);
  }

  clear(): void {
    this.#versions.clear();
  }
}
