/** In which order the files run: each changes the one cluster that all of them share. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Models first, then what moves the operator under everybody's feet, at last what takes the chart out of the cluster. */
const ORDER = [/\/models\/first\./, /\/models\//, /\/platform\/(?!uninstall)/, /\/platform\/uninstall/];

const rank = ({ moduleId }: TestSpecification): number => ORDER.findIndex((part) => part.test(moduleId));

export class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId));
  }
}
