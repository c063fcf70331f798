/** Doors at their addresses. */
import { LoadError } from './errors.ts';

/** @returns the port; undefined for a door that is not there or has no address of its own @throws LoadError ADDRESS_IN_USE */
export async function bind(
  door: { listen(address: string): Promise<number> } | undefined,
  flag: string,
  address: string | undefined,
): Promise<number | undefined> {
  if (!door || address === undefined || address === 'none') return undefined;
  try {
    return await door.listen(address);
  } catch (error) {
    throw new LoadError('ADDRESS_IN_USE', `${flag} ${address} can't be listened on: ${(error as Error).message}`);
  }
}
