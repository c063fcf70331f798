/** The tree of what stands behind a ModelDeployment. */

/** `waiting`: not there yet, and nothing says that it failed. `none`: there is no health to speak of. */
export type Health = 'ok' | 'waiting' | 'failing' | 'none';

export interface TreeNode {
  /** Kind of the object, or `Version`. */
  kind: string;
  name: string;
  health: Health;
  /** What it is and how it does, in words. */
  words: string;
  /** Why it fails or waits, in the object's own words. */
  notes: string[];
  children: TreeNode[];
}
