# Reference numbers of the R package survival, made once: Rscript survival.R > survival_R.json
# The table survival_data.csv is made by survival_sksurv.py; a second table with many ties is made of it by rounding up.
suppressMessages({library(survival); library(jsonlite)})
d <- read.csv("survival_data.csv")
tied <- transform(d, time = ceiling(time), risk = round(risk))
harrell <- function(x) concordance(Surv(time, event) ~ risk, data = x, reverse = TRUE)$concordance
km <- summary(survfit(Surv(time, event) ~ 1, data = tied, conf.type = "log-log"))
write(toJSON(list(
  version = paste(R.version.string, "survival", packageVersion("survival")),
  concordance = harrell(d), concordance_tied = harrell(tied),
  km = list(time = km$time, survival = km$surv, low = km$lower, high = km$upper, at_risk = km$n.risk, events = km$n.event)
), auto_unbox = TRUE, digits = 14, pretty = TRUE), stdout())
