/**
 * Names for people. The generated world knows categories and sub-categories by number and writes titles in made-up
 * words; the page shows topics instead. The model never sees a name.
 */

/** Twenty categories of ten topics each, in the order of the world's numbers. */
const categories: readonly (readonly [name: string, topics: string])[] = [
  [
    "Cooking",
    "ramen, sourdough, curries, knife skills, pickles, pasta, street food, soups, desserts, grilling",
  ],
  [
    "Cycling",
    "gravel roads, city bikes, climbs, bike repair, touring, night rides, races, e-bikes, bikepacking, trails",
  ],
  [
    "Gardens",
    "tomatoes, roses, compost, balcony pots, herbs, wild meadows, fruit trees, ponds, winter beds, bees",
  ],
  [
    "Astronomy",
    "Saturn, meteors, dark skies, telescopes, the Moon, comets, galaxies, star maps, eclipses, rockets",
  ],
  [
    "Music",
    "vinyl, jazz piano, home studios, choirs, synths, folk songs, festivals, guitars, film scores, drumming",
  ],
  [
    "Travel",
    "night trains, islands, old towns, ferries, hostels, deserts, maps, border towns, packing light, lakes",
  ],
  [
    "Running",
    "marathons, trail shoes, sprints, hill repeats, recovery, parkruns, pacing, winter runs, relays, barefoot",
  ],
  [
    "Books",
    "crime novels, essays, poetry, libraries, first editions, comics, memoirs, translations, sagas, diaries",
  ],
  ["Science", "enzymes, fusion, fossils, oceans, graphene, sleep, vaccines, volcanoes, ants, lasers"],
  ["Design", "typefaces, posters, chairs, colour, signage, ceramics, packaging, lamps, patterns, paper"],
  [
    "Cinema",
    "westerns, short films, animation, film noir, editing, musicals, documentaries, stunts, remakes, silent films",
  ],
  [
    "Money",
    "savings, budgets, pensions, index funds, taxes, mortgages, currencies, insurance, side jobs, receipts",
  ],
  ["Homes", "small flats, insulation, shelves, kitchens, paint, attics, windows, heat pumps, floors, stairs"],
  ["Animals", "owls, octopuses, street cats, herding dogs, foxes, frogs, whales, parrots, hedgehogs, wolves"],
  ["Games", "chess, card games, puzzles, pixel art, speedruns, board games, pinball, role play, dice, mazes"],
  [
    "Football",
    "penalties, derbies, goalkeepers, tactics, youth teams, transfers, stadiums, free kicks, cup nights, pressing",
  ],
  [
    "Health",
    "stretching, breathing, teeth, eyesight, posture, vitamins, naps, allergies, hearing, hydration",
  ],
  [
    "History",
    "castles, Silk Road, shipwrecks, printing, plagues, bridges, maps of old, queens, railways, codes",
  ],
  [
    "Tech",
    "batteries, keyboards, open source, drones, chips, browsers, satellites, passwords, sensors, old phones",
  ],
  ["Crafts", "knitting, woodwork, leather, origami, pottery, linocut, sewing, glass, baskets, bookbinding"],
];

const headlines = [
  "A beginner's guide to *",
  "What nobody tells you about *",
  "The quiet return of *",
  "* in ten minutes",
  "Why we still love *",
  "Notes on *",
  "A weekend with *",
  "The best of * this year",
  "* for sceptics",
  "Rethinking *",
  "How I fell for *",
  "An atlas of *",
];

export function categoryName(category: number): string {
  return categories[category]?.[0] ?? `Category ${category}`;
}

/** A headline for an item: the same for the same numbers. */
export function headline(item: number, category: number, subcategory: number): string {
  const topics = categories[category]?.[1].split(", ") ?? [];
  const topic = topics[subcategory % 10] ?? `topic ${subcategory}`;
  const text = headlines[item % headlines.length].replace("*", topic);
  return text[0].toUpperCase() + text.slice(1);
}
