-- Which samples a batch takes: one statement for Athena and for SQLite. What begins with a colon is a literal.
--
-- candidates  what was asked for and no batch holds, with its kind: 0 is worth most
--             what a person only agreed with, or took back, is worth what the station had kept it for
-- copies      the same picture under several keys is one: the most valuable, then the one whose key is the smallest
-- turns       of a kind, every part has its first picture before any has its second; one with boxes goes first
-- seats       and of these, every station has its first before any has its second
-- places      the order within a kind; a hash of the content draws among equals, the same at any time
WITH candidates AS (
  SELECT
    sha256, image, part_group, site, line, station, reason,
    CASE WHEN :group_by = 'lot' THEN COALESCE(lot, part_group) ELSE part_group END AS asked_group,
    CASE WHEN boxes > 0 THEN 0 ELSE 1 END AS is_empty,
    CASE
      WHEN disposition IN ('missed_defect', 'false_reject') THEN 0
      WHEN disposition = 'unsure' OR found_reason = 'operator' THEN 1
      WHEN found_reason = 'uncertain' THEN 2
      WHEN found_reason = 'defect' THEN 3
      WHEN found_reason = 'drift' THEN 4
      WHEN found_reason = 'collect' THEN 5
      WHEN found_reason = 'random' THEN 7
      ELSE 6
    END AS kind
  FROM samples
  WHERE SUBSTR(image, 1, LENGTH(:beginning)) = :beginning
    AND (:site IS NULL OR site = :site)
    AND (:line IS NULL OR line = :line)
    AND (:station IS NULL OR station = :station)
    AND (:product IS NULL OR product = :product)
    AND sha256 NOT IN (SELECT sha256 FROM taken WHERE "until" > :started AND sha256 IS NOT NULL)
),
copies AS (
  SELECT
    sha256, image, part_group, site, line, station, reason, asked_group, is_empty, kind,
    ROW_NUMBER() OVER (PARTITION BY sha256 ORDER BY kind, image) AS copy
  FROM candidates
),
turns AS (
  SELECT
    sha256, image, site, line, station, reason, asked_group, kind,
    ROW_NUMBER() OVER (PARTITION BY kind, part_group ORDER BY is_empty, sha256) AS turn
  FROM copies
  WHERE copy = 1
),
seats AS (
  SELECT
    sha256, image, reason, asked_group, kind, turn,
    ROW_NUMBER() OVER (PARTITION BY kind, turn, site, line, station ORDER BY sha256) AS seat
  FROM turns
),
places AS (
  SELECT
    sha256, image, reason, asked_group, kind,
    ROW_NUMBER() OVER (PARTITION BY kind ORDER BY turn, seat, sha256) AS place
  FROM seats
),
chosen AS (
  SELECT sha256, image, reason, asked_group, kind, place
  FROM places
  ORDER BY CASE WHEN kind = 7 AND place <= :audits THEN 0 ELSE 1 END, kind, place
  LIMIT :budget
)
SELECT sha256, image, asked_group AS part_group, reason
FROM chosen
ORDER BY kind, place
