/** A model on this machine, ready to be opened. */
export interface ModelFile {
  path: string;
  /** SHA-256, hexadecimal. */
  digest: string;
  /** Removes the file if it was downloaded; to be called once nobody opens it any more. Later calls do nothing. */
  dispose(): Promise<void>;
}
