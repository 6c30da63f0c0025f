-- One column of one row or of many: --column, --rows (0: a row by its number, else so many at once).
sysbench.cmdline.options = {
  column = {"Column that is selected", "k"},
  rows = {"Rows of a result; 0 for one by its number", 0},
  table_size = {"Rows of the table", 10000},
}

function thread_init()
  con = sysbench.sql.driver():connect()
  if sysbench.opt.rows == 0 then
    statement = con:prepare("SELECT " .. sysbench.opt.column .. " FROM sbtest1 WHERE id=?")
    id = statement:bind_create(sysbench.sql.type.INT)
    statement:bind_param(id)
  else
    text = "SELECT seq, REPEAT('x', 50) FROM seq_1_to_" .. sysbench.opt.rows
  end
end

function thread_done()
  if statement then statement:close() end
  con:disconnect()
end

function event()
  if statement then
    id:set(sysbench.rand.default(1, sysbench.opt.table_size))
    statement:execute()
  else
    con:query(text)
  end
end
