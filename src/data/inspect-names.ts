/** What column names tell: identifiers, quantities, users, times, weights, and what is known only after the event. */

const IDENTIFIER = /(^|[_\-. ])(id|ids|uid|uuid|guid)$|[a-z](Id|ID)$/i;
const CATEGORY =
  /(^|[_\-. ])(user|item|video|movie|song|artist|product|ad|advertiser|campaign|creative|publisher|author|shop|store|seller|query|isbn|sku|asin|key|code|hash|zip|zipcode|postal|type|category|cat|class|tab|brand|city|country|region|state|device|os|browser|gender|sex|job|occupation|language|lang|segment|slot|position|hour|hourmin|weekday|dow|month|family|dept|department|title|role|feat\d*)$/i;
const QUANTITY =
  /(^|[_\-. ])(age|ages|counts?|cnt|num|price|amount|amt|cost|distance|dist|duration|length|len|size|days?|weeks?|hours|minutes?|seconds?|secs?|ms|rate|ratio|percent|pct|scores?|years?|width|height|income|balance|wage|gains?|loss|losses|dividends?|lat|lon|lng|latitude|longitude|qty|quantity|total|sum|avg|mean|std|temperature|affinity)($|[_\-. ]|\d)/i;
const USER =
  /^(user|uid|user[_-]?id|user[_-]?no|member([_-]?id)?|customer([_-]?id)?|visitor([_-]?id)?|session([_-]?id)?|client([_-]?id)?|viewer([_-]?id)?|reader([_-]?id)?)$/i;
const TIME =
  /^(timestamp|time|ts|time_?ms|event_?time|unix_?time|date_?time|created_at|time_?stamp|logged_at|date|day|impression_time|click_time|request_time)$/i;
const WEIGHT = /^(weight|sample_?weight|instance_?weight|example_?weight|importance(_weight)?|fnlwgt)$/i;
const DOMAIN = /^(domain|domain_?id|scenario|scenario_?id|scene|scene_?id|tab)$/i;
const SPLIT = /^(split|fold|set|partition|subset)$/i;
const PROPENSITY = /propensity|^pscore$/i;
const OUTCOME =
  /^(is_|has_|did_)?(click(ed)?|clk|like[ds]?|dislike[ds]?|follow(ed|s)?|comment(ed)?|forward(ed)?|share[ds]?|hate[ds]?|hide|hidden|favou?rite[ds]?|collect(ed)?|cart|add_to_cart|purchased?|buy|bought|order(ed)?|pay|paid|convert(ed)?|conversion|install(ed)?|download(ed)?|finish(ed)?|completed?|long_view|effective_view|valid_read|skip(ped)?|profile_enter|enter_profile|reported|returned|rating|stars)$/i;
const OUTCOME_MEASURE =
  /(^|_)(play(ed|ing)?|watch(ed|ing)?|view(ing)?|stay|dwell|listen(ed|ing)?|read(ing)?)_(time|duration|ms|sec|seconds|length|rate|ratio)(_|$)|^dwell|^conversion_(delay|time)$|^click_(time|delay)$/i;

export const namesIdentifier = (name: string): boolean => IDENTIFIER.test(name);
export const namesCategory = (name: string): boolean => CATEGORY.test(name);
export const namesQuantity = (name: string): boolean => QUANTITY.test(name);
export const namesUser = (name: string): boolean => USER.test(name);
export const namesTime = (name: string): boolean => TIME.test(name);
export const namesWeight = (name: string): boolean => WEIGHT.test(name);
export const namesDomain = (name: string): boolean => DOMAIN.test(name);
export const namesSplit = (name: string): boolean => SPLIT.test(name);
export const namesPropensity = (name: string): boolean => PROPENSITY.test(name);
/** Something the user does in answer to what was shown. */
export const namesOutcome = (name: string): boolean => OUTCOME.test(name) || OUTCOME_MEASURE.test(name);
/** A history, whose order matters. */
export const namesHistory = (name: string): boolean =>
  /seq|hist|recent|last|clicks|visited|watched|bought/i.test(name);
/** A generated world's true probability of a label. */
export const namesTruth = (name: string): boolean => /^true_/.test(name);
