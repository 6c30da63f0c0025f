/*!50000 INSERT INTO people (email) VALUES ('x') */
ALTER TABLE people ADD COLUMN z INT AS (length(email))
ALTER TABLE people ADD INDEX k (email(33))
ALTER TABLE people ADD INDEX kk (email(40))
ALTER TABLE people MODIFY email VARBINARY(400) NOT NULL, ADD COLUMN zip VARCHAR(10) DEFAULT 'x'
ALTER TABLE people MODIFY email VARCHAR(40)
CALL f(people)
CREATE TABLE IF NOT EXISTS leads (id INT, mail VARBINARY(500) NOT NULL, KEY (mail(33)))
CREATE TABLE people (id INT PRIMARY KEY, email VARBINARY(500), name BLOB, KEY k (email(33)))
CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(500))
CREATE TABLE x AS SELECT * FROM people
CREATE VIEW v AS SELECT * FROM people
DELETE FROM leads WHERE mail = 'new@x'
DELETE FROM people WHERE email = 'x'
DELETE l FROM leads l JOIN people p ON l.mail = p.email
DELETE p FROM people p JOIN leads l ON l.mail = p.email
DESCRIBE people
DROP TABLE leads
DROP TABLE people
EXECUTE IMMEDIATE CONCAT('a','b')
EXECUTE s USING @a
EXPLAIN SELECT * FROM people WHERE email = 'x'
EXPLAIN SELECT id FROM leads WHERE mail IN ('a@x', 'q')
EXPLAIN SELECT id, email, note FROM people WHERE email = 'a@x'
HANDLER people OPEN
INSERT IGNORE INTO `people` (`EMAIL`) VALUES (N'x'), ("y"), (x'41'), (0x41), (_binary'z'), ('a' 'b'), (NULL), (DEFAULT), (5), (('q'))
INSERT INTO leads (id, mail) SELECT 9, 'q@x'
INSERT INTO leads (id, mail) SELECT id, email FROM people
INSERT INTO leads VALUES (1, 'a@x'), (2, 'a@x'), (3, 'z@x'), (4, NULL)
INSERT INTO orders VALUES (1, 1, 'a'), (2, 2, 'b')
INSERT INTO people (email) SELECT 'x' FROM dual
INSERT INTO people (email) SELECT mail FROM leads
INSERT INTO people (email) SELECT note FROM other
INSERT INTO people (email) VALUES ('a') AS new ON DUPLICATE KEY UPDATE email = new.email
INSERT INTO people (email) VALUES ('a') ON DUPLICATE KEY UPDATE email = VALUES(email), name = 'n', note = 'q'
INSERT INTO people (email) VALUES ('a') RETURNING id, email
INSERT INTO people (email) VALUES ('a@x')
INSERT INTO people (email) VALUES ('r@x') RETURNING id, email
INSERT INTO people (email) VALUES (CONCAT('a','b'))
INSERT INTO people (email) VALUES (DATE '2020-01-01')
INSERT INTO people (email) VALUES (UPPER('x'))
INSERT INTO people (email, id) VALUES ('a', (SELECT MAX(id) FROM orders))
INSERT INTO people (email, name, age, phone, card, note) VALUES ('a@x', 'Anna', 5, 'aB', '1234', 'n1'), ('b@x', 'Bob', 6, 'Ab', '5678', 'n2'), (NULL, 'Cy', 7, 'x', '', 'n3'), ('', '', 5, 'x', '', 'n4')
INSERT INTO people (email, note) VALUES ('a', 'b') AS new(m, n) ON DUPLICATE KEY UPDATE email = m, note = n
INSERT INTO people (email, note) VALUES ('a', 'b') AS new(m, n) ON DUPLICATE KEY UPDATE note = m
INSERT INTO people (email, note) VALUES ('a@x', 'dup') ON DUPLICATE KEY UPDATE email = VALUES(email), note = 'up'
INSERT INTO people (id, email) VALUES (1, 'a@b'), (2, ?)
INSERT INTO people (name) SELECT mail FROM leads
INSERT INTO people SET email='x', note='n'
INSERT INTO people VALUES (1,'e','n',3,'p','c','note')
LOAD DATA INFILE 'x' INTO TABLE people
PREPARE s FROM 'INSERT INTO orders (email) VALUES (?)'
PREPARE s FROM 'INSERT INTO people (email) VALUES (?)'
PREPARE s FROM @v
REPLACE INTO people (email, note) VALUES ('b@x', 'replaced')
REPLACE INTO shop.people (email, note) VALUES (_utf8mb4'x' , 'n')
SELECT (SELECT email FROM people LIMIT 1), 1
SELECT * FROM people
SELECT * FROM people WHERE email = @v
SELECT * FROM people p JOIN orders o ON o.id = p.id
SELECT * FROM people p JOIN orders o ON o.pid = p.id
SELECT * FROM vip
SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM people WHERE email = 'r@x')
SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM people WHERE email = 'x')
SELECT 1; INSERT INTO people (email) VALUES ('x')
SELECT COALESCE(email, 'none') FROM people
SELECT COUNT(DISTINCT email), COUNT(email), COUNT(*) FROM people
SELECT COUNT(DISTINCT mail), COUNT(mail), COUNT(*) FROM leads
SELECT DISTINCT email FROM people
SELECT IFNULL(email, NULL) FROM people
SELECT IFNULL(email, NULL), (SELECT mail FROM leads LIMIT 1) FROM people LIMIT 1
SELECT MAX(email) FROM people
SELECT SQL_CALC_FOUND_ROWS `people`.`id`, `people`.`email` FROM `people` WHERE `people`.`email` = 'x' LIMIT 21
SELECT SUM(email = 'r@x') FROM people
SELECT a.email FROM people a, people b WHERE a.email = b.email
SELECT d.email FROM (SELECT * FROM people) d WHERE d.email = 'x'
SELECT d.email FROM (SELECT email, id FROM people ORDER BY id LIMIT 2) d WHERE d.email = 'a@x'
SELECT d.email, d.id FROM (SELECT * FROM people) d WHERE d.email = 'a@x'
SELECT email = 'x' FROM people
SELECT email FROM people FOR UPDATE
SELECT email FROM people ORDER BY email
SELECT email FROM people UNION ALL SELECT mail FROM leads
SELECT email FROM people UNION SELECT mail FROM leads
SELECT email FROM people WHERE (email) = ('x') OR 'y' = email OR email = NULL OR email IS NOT NULL
SELECT email FROM people WHERE email > 'a'
SELECT email FROM people WHERE email IN ('a', ?, NULL) AND NOT (email <=> 'q')
SELECT email FROM people WHERE email LIKE 'abc' OR email LIKE 'a%'
SELECT email FROM people WHERE email LIKE 'abc' OR phone = '12' AND age = 5 AND age <> ?
SELECT email FROM people WHERE emial = 'x'
SELECT email FROM people WHERE name = 'a'
SELECT email INTO @a FROM people
SELECT email || 'x' FROM people
SELECT email, COUNT(*) FROM people GROUP BY email HAVING email = 'x'
SELECT id FROM people ORDER BY email = 'r@x' DESC LIMIT 1
SELECT id FROM people WHERE NOT (email <=> 'a@x')
SELECT id FROM people WHERE age = 5
SELECT id FROM people WHERE email <=> 'a@x'
SELECT id FROM people WHERE email <> 'a@x'
SELECT id FROM people WHERE email = ''
SELECT id FROM people WHERE email IN ('a@x', 'b@x', '')
SELECT id FROM people WHERE email IS NULL
SELECT id FROM people WHERE email LIKE 'a@x'
SELECT id FROM people WHERE email NOT IN ('a@x')
SELECT id FROM people WHERE email NOT IN ('a@x', NULL)
SELECT id FROM people WHERE phone = 'aB'
SELECT id INTO @a FROM people WHERE email='q'
SELECT id, LENGTH(note) FROM people WHERE email = 'new@x'
SELECT id, email = 'a@x', email <> 'a@x', email <=> 'a@x' FROM people
SELECT id, email AS e, p.name FROM people p WHERE p.email <> 'x' ORDER BY id LIMIT 3
SELECT id, email, note FROM people WHERE email = 'a@x'
SELECT mail FROM leads UNION ALL SELECT email FROM people
SELECT mail, COUNT(*) FROM leads GROUP BY mail
SELECT mail, COUNT(*) c FROM leads GROUP BY mail HAVING mail = 'a@x' OR c > 100
SELECT p.id, l.id FROM people p JOIN leads l ON p.email = l.mail
SELECT people.id AS people_id FROM people WHERE people.email = CAST(? AS CHAR)
SHOW COLUMNS FROM people
TRUNCATE people
UPDATE people SET email = 'x', note = 'y' WHERE id = 3
UPDATE people SET email = ? WHERE email = ?
UPDATE people SET email = COALESCE(NULL, 'k@x') WHERE email = 'r@x'
UPDATE people SET email = CONCAT(email, 'x')
UPDATE people SET email = email ORDER BY id LIMIT 3
UPDATE people SET email = name
UPDATE people SET name = CASE WHEN id = 1 THEN 'a' WHEN id = 2 THEN 'b' ELSE name END WHERE id IN (1, 2)
UPDATE people SET name = CASE WHEN id = 1 THEN 'ann' WHEN id = 2 THEN 'bo' ELSE name END, email = IF(id = 1, 'c@x', email) WHERE id < 3
UPDATE people SET name = IF(id=1,'a',name), email = COALESCE('q', email)
UPDATE people SET note = email
UPDATE people p JOIN leads l ON l.mail = 'z@x' SET p.email = 'new@x' WHERE p.email = 'c@x'
UPDATE people p JOIN orders o ON o.pid = p.id SET p.email = 'x', o.total = 5 WHERE p.email = 'y' AND o.x = 'z'
USE other; INSERT INTO people (email) VALUES ('x')
WITH c AS (SELECT email FROM people) SELECT * FROM c
WITH c AS (SELECT email, id FROM people) SELECT * FROM c WHERE email = 'b@x'
SELECT id FROM people WHERE (email, id) IN (('a', 1), ('b', NULL))
SELECT id FROM people WHERE (id, (email, note)) <> (1, ('a', 'b'))
DELETE FROM people WHERE (email, id) NOT IN (('a', 1))
SELECT DISTINCT email, id FROM people WHERE note = 'a' ORDER BY id LIMIT 2
INSERT INTO leads (mail) SELECT DISTINCT email FROM people
INSERT INTO people (email) SELECT mail FROM leads WHERE mail IN (SELECT p.email FROM people p)
UPDATE people SET email = 'a' WHERE email = (SELECT mail FROM leads LIMIT 1)
INSERT INTO leads VALUES (1, 'a'), (2, NULL)
REPLACE people VALUES (1, 'a', 'b', 3, 'c', 'd', 'e', 'f')
CREATE OR REPLACE VIEW seen AS SELECT id, email FROM people
SET @a = 1, ROLE r; SELECT id FROM people
