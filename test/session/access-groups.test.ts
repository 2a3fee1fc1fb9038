/** Access rules about groups, which come with the answers of the operator's service. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { withGateway } from '../support/test-gateway.ts';

/** Tells for each user the groups of that name. */
async function withGroups(groups: Readonly<Record<string, readonly string[]>>, play: (url: string) => Promise<void>) {
  const service = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { user } = JSON.parse(body) as { readonly user: string };
    response.end(JSON.stringify({ decision: 'allow', groups: groups[user] ?? [] }));
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  try {
    await play(`http://127.0.0.1:${(service.address() as AddressInfo).port}/`);
  } finally {
    service.closeAllConnections();
    service.close();
    await once(service, 'close');
  }
}

it('a rule about a group holds for those whom the service puts into it', async () => {
  await withGroups({ ann: ['staff', 'editors'], bob: ['guests'] }, async (url) => {
    const access = {
      rules: [
        { name: 'editors', match: { group: ['editors'] }, effect: 'allow' },
        { name: 'no-deletes', match: { commands: 'delete' } },
      ],
    };
    await withGateway({ access, decisionHook: { url }, legacy: { files: { '/a': 'abc' } } }, async ({ encrypted }) => {
      for (const [user, code] of [
        ['bob', 550],
        ['carol', 550],
        ['ann', 250],
      ] as const) {
        const client = await encrypted('explicit');
        await client.login(user);
        const reply = await client.command('DELE a', 250, 550);
        expect([user, reply.code]).toEqual([user, code]);
      }
    });
  });
});
