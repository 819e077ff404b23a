// Creates links of a campaign, one per recipient.
// The environment has "shortener", "business" and "token" of ready.json.
import { createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { LinkService } from './clicktrail/shortener/v1/link_service_pb.js';

const credential: Interceptor = (next) => (request) => {
  request.header.set('authorization', `Bearer ${process.env.CLICKTRAIL_TOKEN}`);
  return next(request);
};
const baseUrl = `http://${process.env.CLICKTRAIL_SHORTENER}`;
const links = createClient(LinkService, createGrpcTransport({ baseUrl, interceptors: [credential] }));

async function* request() {
  yield {
    businessId: process.env.CLICKTRAIL_BUSINESS,
    template: { destination: 'https://shop.example.com/spring', campaign: 'spring-sale' },
    recipients: ['ana', 'bruno'].map((name) => ({ profile: name, externalId: name })),
  };
}

for await (const answer of links.createLinks(request(), { timeoutMs: 10_000 })) {
  for (const { externalId, link, errors } of answer.results) console.log(externalId, link?.shortUrl ?? errors);
}
