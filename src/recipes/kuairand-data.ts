/**
 * KuaiRand-Pure joined into one table a split: the impressions of 25 April to 8 May 2022 with the user's
 * and the video's basic features and a history. Labels are `click`, `long_view`, `like`, `follow` and `comment`;
 * what else is only known after the impression (watching columns) and the per-video statistics, which were
 * averaged over the test days too, are left out. `domain` is the tab, those with few impressions together as
 * `other`.
 *
 * History of an impression: the videos watched before 25 April as published (the last 50), then those
 * clicked on earlier days of the log; the last 50 of both.
 */
import { join } from "node:path";
import { type DataConfigInput, sqlText } from "../data/index.ts";
import { madeTables } from "./made-tables.ts";
import { publicData, type SplitFiles } from "./public-data.ts";

/** The fields that multi-task recipes use: few enough that experts are cheap. */
export function kuairandTasks(
  files: SplitFiles,
  labels: readonly ("click" | "long_view" | "like" | "follow" | "comment")[],
): DataConfigInput {
  const categorical = (name: string, minCount = 1) => ({ name, kind: "categorical" as const, minCount });
  return {
    data: { ...files },
    features: [
      categorical("user_id", 2),
      categorical("video_id"),
      categorical("tab"),
      categorical("hour"),
      categorical("user_active_degree"),
      categorical("follow_user_num_range"),
      categorical("register_days_range"),
      categorical("author_id", 2),
      categorical("video_type"),
      categorical("upload_type"),
      categorical("music_id", 2),
      { name: "tag", kind: "bag", separator: ",", maxLength: 5 },
      { name: "video_duration", kind: "numeric", transform: "buckets", buckets: 20 },
      { name: "video_age", kind: "numeric", transform: "buckets", buckets: 20 },
    ],
    labels: labels.map((name) => ({ name })),
    group: "user_id",
    domain: "domain",
  };
}

/** First day of validation and of test. */
const validFrom = 20220505;
const testFrom = 20220507;

/** Builds the three files once; later calls find them. */
export async function prepareKuaiRand(dataDirectory: string, directory: string): Promise<SplitFiles> {
  const source = publicData(dataDirectory, "kuairand-pure");
  const split = (where: string): string => `SELECT * EXCLUDE (row) FROM joined WHERE ${where} ORDER BY row`;
  return madeTables(directory, [joined(source)], {
    train: split(`date < ${validFrom}`),
    valid: split(`date >= ${validFrom} AND date < ${testFrom}`),
    test: split(`date >= ${testFrom}`),
  });
}

function joined(source: string): string {
  const csv = (name: string): string => `read_csv(${sqlText(join(source, name))}, all_varchar = true)`;
  return `
    CREATE TABLE joined AS
    WITH log AS (
      SELECT row_number() OVER () AS row, user_id::INT AS user_id, video_id::INT AS video_id, date::INT AS date,
             hourmin::INT // 100 AS hour, time_ms::BIGINT AS time_ms, is_click::INT AS click,
             long_view::INT AS long_view, is_like::INT AS "like", is_follow::INT AS follow,
             is_comment::INT AS "comment", tab
      FROM ${csv("log_standard_4_25_to_4_30_pure.csv.gz")}
      UNION ALL
      SELECT 10000000 + row_number() OVER () AS row, user_id::INT, video_id::INT, date::INT,
             hourmin::INT // 100, time_ms::BIGINT, is_click::INT, long_view::INT, is_like::INT, is_follow::INT,
             is_comment::INT, tab
      FROM ${csv("log_standard_5_01_to_5_08_pure.csv.gz")}
    ),
    clicked AS (
      SELECT user_id, date, list(video_id ORDER BY time_ms, row) AS videos FROM log WHERE click = 1 GROUP BY user_id, date
    ),
    before AS (
      SELECT days.user_id, days.date, flatten(list(clicked.videos ORDER BY clicked.date)) AS videos
      FROM (SELECT DISTINCT user_id, date FROM log) days
      JOIN clicked ON clicked.user_id = days.user_id AND clicked.date < days.date
      GROUP BY days.user_id, days.date
    )
    SELECT log.row, log.user_id, log.video_id, log.date, log.hour, log.time_ms, log.click, log.long_view, log."like",
           log.follow, log."comment", log.tab,
           CASE WHEN log.tab IN ('0', '1', '2', '4', '6') THEN log.tab ELSE 'other' END AS domain,
           u.* EXCLUDE (user_id, follow_user_num, fans_user_num, friend_user_num, register_days),
           v.author_id, v.video_type, v.upload_type, v.music_id, v.music_type, v.tag,
           v.video_duration::DOUBLE AS video_duration,
           date_diff('day', v.upload_dt::DATE, strptime(log.date::VARCHAR, '%Y%m%d')::DATE) AS video_age,
           list_concat(coalesce(s.watch_seq, []), coalesce(before.videos, []))[-50:] AS history
    FROM log
    LEFT JOIN ${csv("user_features_pure.csv.gz")} u ON u.user_id::INT = log.user_id
    LEFT JOIN ${csv("video_features_basic_pure.csv.gz")} v ON v.video_id::INT = log.video_id
    LEFT JOIN ${`read_parquet(${sqlText(join(source, "user_sequences_before_4_25.parquet"))})`} s ON s.user_id = log.user_id
    LEFT JOIN before ON before.user_id = log.user_id AND before.date = log.date`;
}
