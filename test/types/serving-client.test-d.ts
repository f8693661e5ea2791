/** What the client of the server lets through and what it does not; see public-entry.test-d.ts. */
import { RankClient, type RankRequest, type RankResponse, type Services } from "millrace/serving/client";
import type {
  CandidateSource,
  RankRequest as ServedRequest,
  RankResponse as ServedResponse,
} from "millrace/serving";

const client = new RankClient("http://127.0.0.1:8080");

export const answer: Promise<RankResponse> = client.rank("feed", {
  user: 42,
  context: { hour: 9, device: "phone", history: [1, 2, null] },
  candidates: [1, "two", { id: 3, features: { bid: 2.5 } }],
});
export const services: Promise<Services> = client.services();
export const score = async (): Promise<number | null> => (await answer).items[0].score;

// @ts-expect-error: a service has a name.
client.rank({ user: 42 });
// @ts-expect-error: raw values are scalars and lists of them.
export const nested: RankRequest = { context: { hour: { value: 9 } } };
// @ts-expect-error: a candidate has an id.
export const nameless: RankRequest = { candidates: [{ features: { bid: 1 } }] };
// @ts-expect-error: keys on the wire are snake_case.
export const id = async (): Promise<string> => (await answer).requestId;

export const source: CandidateSource = { candidates: ({ limit }) => ({ ids: [1, 2].slice(0, limit) }) };

// What the client was generated from says of values what the server's own types say.
export const servedRequest = (request: RankRequest): ServedRequest => request;
export const servedResponse = (response: ServedResponse): RankResponse => response;

// @ts-expect-error: the server has no such route.
client.routes.GET("/v2/model/{name}", { params: { path: { name: "feed" } } });
// @ts-expect-error: a path has its parameters.
client.routes.GET("/v2/models/{name}", {});
// @ts-expect-error: models are read, not posted.
client.routes.POST("/v2/models/{name}", { params: { path: { name: "feed" } } });
export const ready = async (): Promise<boolean | undefined> => {
  const params = { path: { name: "feed", version: "1" } };
  return (await client.routes.GET("/v2/models/{name}/versions/{version}/ready", { params })).data?.ready;
};
