import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../cli/predict/csv.ts';
import { exampleRequest } from '../../cli/predict/example.ts';
import { readInput, requestOf } from '../../cli/predict/input.ts';

const one = (datatype: string, shape: number[]) => ({ name: 'm', inputs: [{ name: 'x', datatype, shape }] });
const penguins = {
  name: 'penguins',
  inputs: [
    { name: 'island', datatype: 'BYTES', shape: [-1, 1] },
    { name: 'mass', datatype: 'FP32', shape: [-1, 1] },
  ],
};

function made(text: string, model: Parameters<typeof requestOf>[1]) {
  const input = readInput(text, 'input.json');
  if (input.kind === 'request') throw new Error('a whole request');
  return requestOf(input, model).inputs.map(({ name, shape, data }) => ({ name, shape, data }));
}

const tensor = (text: string, datatype: string, shape: number[]) => made(text, one(datatype, shape))[0];

describe('an array for a model with one input', () => {
  it.each<[string, string, number[], number[], unknown[]]>([
    ['a batch, as it is', '[[1, 2], [3, 4]]', [-1, 2], [2, 2], [1, 2, 3, 4]],
    ['one item gets a batch around it', '[1, 2, 3]', [-1, 3], [1, 3], [1, 2, 3]],
    ['one item of more dimensions too', '[[1, 2], [3, 4]]', [-1, 2, 2], [1, 2, 2], [1, 2, 3, 4]],
    ['a flat list is one column', '[1, 2, 3]', [-1, 1], [3, 1], [1, 2, 3]],
    ['a flat list is cut into items', '[1, 2, 3, 4, 5, 6, 7, 8]', [-1, 2, 2], [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]],
    ['a list for a list', '[1, 2]', [-1], [2], [1, 2]],
    ['where nothing is fixed, a flat list is one item', '[1, 2]', [-1, -1], [1, 2], [1, 2]],
  ])('%s', (_, text, wanted, shape, data) => {
    expect(tensor(text, 'FP32', wanted)).toEqual({ name: 'x', shape, data });
  });

  it.each<[string, string, string, number[], RegExp]>([
    ['another length', '[1, 2, 3]', 'FP32', [-1, 64], /^x wants FP32 \[n, 64\]; the input has the shape \[3\]$/],
    ['rows of different lengths', '[[1, 2], [3]]', 'FP32', [-1, 2], /^x: the rows differ in shape: \[2\] and \[1\]$/],
    ['numbers beside lists', '[[1, 2], 3]', 'FP32', [-1, 2], /^x: the rows differ in shape/],
    ['words for numbers', '["a"]', 'FP32', [-1], /^x wants FP32; the input has "a"$/],
    ['nothing for a number', '[null]', 'FP32', [-1], /^x wants FP32; the input has null$/],
    ['numbers for words', '[1]', 'BYTES', [-1], /^x wants BYTES; the input has 1$/],
    ['a number that JSON rounds', '[9007199254740993]', 'INT64', [-1], /is not a whole number that JSON can carry/],
  ])('refuses %s', (_, text, datatype, shape, message) => {
    expect(() => tensor(text, datatype, shape)).toThrow(message);
  });

  it('is refused for a model with more inputs, and told what to give', () => {
    expect(() => made('[1, 2]', penguins)).toThrow('give {"island": […], "mass": […]}');
  });
});

describe('columns and records', () => {
  const both = [
    { name: 'island', shape: [2, 1], data: ['Dream', 'Biscoe'] },
    { name: 'mass', shape: [2, 1], data: [1, 2] },
  ];

  it.each([
    ['an object of columns', '{"mass": [1, 2], "island": ["Dream", "Biscoe"]}'],
    ['records, as pandas writes them', '[{"island": "Dream", "mass": 1}, {"island": "Biscoe", "mass": 2}]'],
    ['CSV with a header', 'island,mass\nDream,1\nBiscoe,2\n'],
    ['CSV with semicolons and quotes', '"island";"mass"\r\n"Dream";1\r\n"Biscoe";2'],
  ])('%s', (_, text) => {
    expect(made(text, penguins)).toEqual(both);
  });

  it('takes single values for one item', () => {
    expect(made('{"island": "Dream", "mass": 1}', penguins)[1]).toEqual({ name: 'mass', shape: [1, 1], data: [1] });
  });

  it.each([
    ['a name that is nearly right', '{"iland": ["Dream"], "mass": [1]}', 'no input "iland"; did you mean "island"?'],
    ['a name that is not', '{"wingspan": [1]}', 'it has island, mass'],
    ['a missing one', '{"mass": [1]}', 'also wants island'],
    ['records that differ', '[{"island": "a", "mass": 1}, {"island": "b"}]', 'differ in the field "mass"'],
    ['CSV without a header', 'Dream,1\n', 'a first line that names them, island,mass'],
    ['CSV with words for numbers', 'island,mass\nDream,heavy\n', 'mass wants FP32; the CSV has "heavy"'],
  ])('refuses %s', (_, text, message) => {
    expect(() => made(text, penguins)).toThrow(message);
  });
});

describe('CSV for one numeric input', () => {
  it.each([
    ['without a header', '1,2\n3,4\n'],
    ['with a header of other names', 'width,height\n1,2\n3,4'],
  ])('%s', (_, text) => {
    expect(tensor(text, 'FP32', [-1, 2])).toEqual({ name: 'x', shape: [2, 2], data: [1, 2, 3, 4] });
  });

  it.each([
    ['rows of different lengths', '1,2\n3\n', 'CSV row 2 has 1 cells, the first has 2'],
    ['an open quote', '1,"2\n', 'a quote is not closed'],
    ['an empty cell', '1,\n', 'x wants FP32; the CSV has ""'],
  ])('refuses %s', (_, text, message) => {
    expect(() => tensor(text, 'FP32', [-1, 2])).toThrow(message);
  });

  it('knows quotes, doubled quotes, separators and lines inside them', () => {
    expect(parseCsv('a,b\n"1, ""one""\nline",2\n')).toEqual([
      ['a', 'b'],
      ['1, "one"\nline', '2'],
    ]);
    expect(parseCsv('\uFEFFa\tb\r\n1\t\n')).toEqual([
      ['a', 'b'],
      ['1', ''],
    ]);
  });

  it('loses no row of words', () => {
    expect(tensor('Dream\nBiscoe\n', 'BYTES', [-1, 1])?.data).toEqual(['Dream', 'Biscoe']);
    expect(tensor('x\nDream\n', 'BYTES', [-1, 1])?.data).toEqual(['Dream']);
  });
});

describe('what the input is', () => {
  it('sends a whole request as it is written', () => {
    const text = '{"inputs": [{"name": "x", "shape": [1], "datatype": "INT64", "data": [9007199254740993]}]}';
    expect(readInput(text, 'a.json')).toEqual({ kind: 'request', text });
  });

  it('takes an input that is called inputs for a column', () => {
    expect(readInput('{"inputs": [1, 2]}', 'a.json').kind).toBe('values');
  });

  it.each([
    ['', 'a.json is empty'],
    ['{"a": ', 'a.json is not JSON'],
  ])('refuses %j', (text, message) => {
    expect(() => readInput(text, 'a.json')).toThrow(message);
  });
});

it('makes up a request from a signature', () => {
  expect(exampleRequest(penguins).inputs).toEqual([
    { name: 'island', datatype: 'BYTES', shape: [1, 1], data: ['a'] },
    { name: 'mass', datatype: 'FP32', shape: [1, 1], data: [0] },
  ]);
});
