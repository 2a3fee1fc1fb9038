import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Feature, featureReply, parseFeatures } from '../../../src/wire/features.ts';
import { type Reply, ReplyParser, reply, serializeReply } from '../../../src/wire/reply.ts';
import { bytes, controlText, feedings } from './chunks.ts';

function feature(name: string, parameters?: string): Feature {
  return { name, parameters };
}

/** The one reply in the text. */
function read(chunks: readonly Uint8Array[]): Reply {
  const parser = new ReplyParser({ maxLineBytes: 8192, maxReplyBytes: 65_536 });
  for (const chunk of chunks) parser.push(chunk);
  const found = parser.next();
  if (found?.kind !== 'reply') throw new Error('no reply');
  return found.reply;
}

const cases: readonly { name: string; input: string; features: readonly Feature[] }[] = [
  {
    name: 'as RFC 2389 demands',
    input: '211-Features:\r\n UTF8\r\n REST STREAM\r\n MLST size*;modify*;\r\n211 End\r\n',
    features: [feature('UTF8'), feature('REST', 'STREAM'), feature('MLST', 'size*;modify*;')],
  },
  {
    name: 'T036 no leading blank',
    input: '211-Features:\r\nMDTM\r\nREST STREAM\r\n211 End\r\n',
    features: [feature('MDTM'), feature('REST', 'STREAM')],
  },
  {
    name: 'T036 tabs and many blanks',
    input: '211-Features:\r\n\tMDTM\r\n   REST\t STREAM  \r\n211 End\r\n',
    features: [feature('MDTM'), feature('REST', 'STREAM')],
  },
  {
    name: 'T036 every line with the code',
    input: '211-Features:\r\n211-MDTM\r\n211- REST STREAM\r\n211-SIZE\r\n211 End\r\n',
    features: [feature('MDTM'), feature('REST', 'STREAM'), feature('SIZE')],
  },
  {
    name: 'T036 another code before every line',
    input: '211-Features:\r\n200 MDTM\r\n200-SIZE\r\n211 End\r\n',
    features: [feature('MDTM'), feature('SIZE')],
  },
  { name: 'lower case', input: '211-F\r\n mlst Type*;\r\n211 End\r\n', features: [feature('MLST', 'Type*;')] },
  { name: 'empty lines', input: '211-F\r\n\r\n \r\n UTF8\r\n211-\r\n211 End\r\n', features: [feature('UTF8')] },
  {
    name: 'T050 bytes that look like a blank in Latin-1 stay',
    input: '211-F\r\n LANG \xc3\xa0 \r\n211 End\r\n',
    features: [feature('LANG', '\xc3\xa0')],
  },
  { name: 'none', input: '211 No features\r\n', features: [] },
  { name: 'none in two lines', input: '211-Features:\r\n211 End\r\n', features: [] },
  { name: 'T036 500', input: '500 Unknown command\r\n', features: [] },
  { name: 'T036 a failure of several lines', input: '502-Sorry\r\n UTF8\r\n502 No\r\n', features: [] },
];

describe.each(feedings)('parseFeatures, fed $feeding', ({ cut }) => {
  it.each(cases)('$name', ({ input, features }) => {
    expect(parseFeatures(read(cut(input)))).toEqual(features);
  });
});

describe('parseFeatures', () => {
  it('never throws, and every name can be told to a client', () => {
    fc.assert(
      fc.property(fc.array(controlText, { maxLength: 5 }), (lines) => {
        for (const { name } of parseFeatures(reply(211, 'F', ...lines, 'End'))) expect(name).toMatch(/^[!-~]+$/);
      }),
    );
  });
});

describe('featureReply', () => {
  it('T035 writes the grammar of RFC 2389', () => {
    const features = [feature('AUTH', 'TLS'), feature('UTF8'), feature('REST', 'STREAM'), feature('EPSV', '')];
    expect(serializeReply(featureReply(features))).toBe(
      '211-Features:\r\n AUTH TLS\r\n UTF8\r\n REST STREAM\r\n EPSV\r\n211 End\r\n',
    );
  });

  it('is a single line when there is nothing to tell', () => {
    expect(serializeReply(featureReply([]))).toBe('211 No features.\r\n');
  });

  it('is read back as the same features', () => {
    const names = fc.stringMatching(/^[A-Z][A-Z0-9-]{0,9}$/);
    const parameters = fc.option(fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.record({ name: names, parameters }), { maxLength: 8 }), (features) => {
        expect(parseFeatures(read([bytes(serializeReply(featureReply(features)))]))).toEqual(features);
      }),
    );
  });
});
